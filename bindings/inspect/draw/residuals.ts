/** Residuals by iteration: how solvers get to their fixed points, or where they stay. */
import { type ScaleContinuousNumeric, scaleLinear, scaleLog } from 'd3-scale'
import { line } from 'd3-shape'
import { ALARM, INK, TEXT, escapeText, picture } from './svg.ts'

/** What is drawn of a solve. */
export interface Curves {
  /** By sample, by iteration. */
  readonly residuals: readonly Float64Array[]
  /** By sample; the curve of one that did not is red. */
  readonly converged: readonly boolean[]
  readonly title: string
  /** A line across, where given. */
  readonly tol: number | undefined
}

type Axis = ScaleContinuousNumeric<number, number>

const [WIDTH, HEIGHT] = [640, 400]
const MARGIN = { top: 40, right: 20, bottom: 50, left: 70 }
/** Stands for a residual of exactly 0, which a logarithmic axis has no place for. */
const FLOOR = 1e-17
const GOOD = '#2563eb'
const GRID = '#e2e8f0'

/** One curve for each sample, on a logarithmic axis. */
export function drawResiduals({ residuals, converged, title, tol }: Curves): string {
  const shown = residuals.map((each) => Array.from(each, (residual) => Math.max(residual, FLOOR)))
  const lengths = shown.map(({ length }) => length - 1)
  const longest = greatest(lengths, 1)
  const x = scaleLinear([0, longest], [MARGIN.left, WIDTH - MARGIN.right])
  const y = residualAxis([...shown.flat(), ...(tol === undefined ? [] : [tol])])
  return picture({ width: WIDTH, height: HEIGHT, fontSize: 12, color: INK }, [
    `<text x="${MARGIN.left}" y="24" font-size="15" fill="${TEXT}">${escapeText(title)}</text>`,
    ...powersOfTen(y.domain() as [number, number]).map((value) => horizontal(y(value), `1e${exponentOf(value)}`, GRID)),
    ...x.ticks(Math.min(longest, 8)).map((tick) => vertical(x(tick), String(tick))),
    ...(tol === undefined ? [] : [horizontal(y(tol), '', INK, '4 4')]),
    ...shown.map((each, i) => curve(each, converged[i] ? GOOD : ALARM, x, y)),
    `<text x="${(MARGIN.left + WIDTH - MARGIN.right) / 2}" y="${HEIGHT - 12}" text-anchor="middle">iteration</text>`,
    `<text transform="translate(18 ${(MARGIN.top + HEIGHT - MARGIN.bottom) / 2}) rotate(-90)" text-anchor="middle">residual</text>`,
  ])
}

/** From the least to the greatest of what is finite, and 1 at least. */
function residualAxis(residuals: readonly number[]): Axis {
  const finite = residuals.filter(Number.isFinite)
  const negated = finite.map((residual) => -residual)
  return scaleLog([-greatest(negated, -1), greatest(finite, 1)], [HEIGHT - MARGIN.bottom, MARGIN.top]).nice()
}

function curve(residuals: readonly number[], color: string, x: Axis, y: Axis): string {
  if (!residuals.some(Number.isFinite)) return ''
  // a path of one point draws nothing
  if (residuals.length === 1) return `<circle cx="${x(0)}" cy="${y(residuals[0]!)}" r="2" fill="${color}"/>`
  const path = line<number>((_, i) => x(i), y).defined(Number.isFinite)
  return `<path d="${path([...residuals])}" fill="none" stroke="${color}" stroke-opacity="0.6"/>`
}

/** A spread of so many arguments might not fit the stack. */
const greatest = (numbers: readonly number[], first: number): number =>
  numbers.reduce((most, number) => Math.max(most, number), first)

/** At most about ten of those in the domain. */
function powersOfTen([low, high]: [number, number]): number[] {
  const [first, last] = [exponentOf(low), exponentOf(high)]
  const stride = Math.max(1, Math.ceil((last - first) / 10))
  return Array.from({ length: Math.floor((last - first) / stride) + 1 }, (_, i) => Number(`1e${first + i * stride}`))
}

/** Of a power of ten. */
const exponentOf = (value: number): number => Number(value.toExponential(0).split('e')[1])

function horizontal(y: number, label: string, color: string, dashes = 'none'): string {
  const rule = `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y}" y2="${y}" stroke="${color}" stroke-dasharray="${dashes}"/>`
  return `${rule}<text x="${MARGIN.left - 8}" y="${y + 4}" text-anchor="end">${label}</text>`
}

const vertical = (x: number, label: string): string =>
  `<text x="${x}" y="${HEIGHT - MARGIN.bottom + 18}" text-anchor="middle">${label}</text>`
