/** Residuals by iteration, as a picture: how solvers get to their fixed points, or where they stay. */
import { scaleLinear, scaleLog } from 'd3-scale'
import { line } from 'd3-shape'
import type { SolveInfo } from '../equilibrium/info.ts'
import { describeValue, expectNumber, expectOptions, fail } from '../runtime/check.ts'

export interface TraceOptions {
  /** Stands above the picture; none if left out. */
  title?: string
  /** The tolerance, drawn as a line. */
  tol?: number
}

export interface ResidualTraces {
  /** By sample (steps of one sample after the other's: row-major in `info.trace.shape`): the residual of each iterate. */
  readonly traces: readonly Float64Array[]
  readonly svg: string
}

const [WIDTH, HEIGHT] = [640, 400]
const MARGIN = { top: 40, right: 20, bottom: 50, left: 70 }
/** Stands for a residual of exactly 0, which a logarithmic axis has no place for. */
const FLOOR = 1e-17
const GOOD = '#2563eb'
const BAD = '#dc2626'
const INK = '#475569'
const GRID = '#e2e8f0'

/**
 * Draws what `forward` or `backward` of a DEQ told of its solve: one line for each sample, red where it failed.
 *
 * @param info of a forward, or of a backward whose adjoint solves
 */
export function residualTraces(info: SolveInfo, options: TraceOptions = {}): ResidualTraces {
  expectOptions('residualTraces', options, ['title', 'tol'])
  if (!Array.isArray(info?.trace))
    fail('type', `residualTraces: info is ${describeValue(info)}; expected the info of a DEQ's forward or backward`)
  const { title = '', tol } = options
  if (tol !== undefined) expectNumber('residualTraces', 'tol', tol, Number.MIN_VALUE, Number.MAX_VALUE)
  return { traces: info.trace.data, svg: draw(info, title, tol) }
}

function draw({ trace, converged }: SolveInfo, title: string, tol: number | undefined): string {
  const shown = trace.map((residuals) => Array.from(residuals, (residual) => Math.max(residual, FLOOR)))
  const all = [...shown.flat(), ...(tol === undefined ? [] : [tol])].filter(Number.isFinite)
  const longest = greatest(
    shown.map((residuals) => residuals.length - 1),
    1,
  )
  const least = -greatest(
    all.map((residual) => -residual),
    -1,
  )
  const x = scaleLinear([0, longest], [MARGIN.left, WIDTH - MARGIN.right])
  const y = scaleLog([least, greatest(all, 1)], [HEIGHT - MARGIN.bottom, MARGIN.top]).nice()
  const path = line<number>((_, i) => x(i), y).defined(Number.isFinite)
  const curves = shown.map((residuals, i) => {
    const color = converged[i] ? GOOD : BAD
    // a path of one point draws nothing
    if (!residuals.some(Number.isFinite)) return ''
    if (residuals.length === 1) return `<circle cx="${x(0)}" cy="${y(residuals[0]!)}" r="2" fill="${color}"/>`
    return `<path d="${path(residuals)}" fill="none" stroke="${color}" stroke-opacity="0.6"/>`
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="sans-serif" font-size="12" fill="${INK}">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    `<text x="${MARGIN.left}" y="24" font-size="15" fill="#0f172a">${escapeText(title)}</text>`,
    ...powersOfTen(y.domain() as [number, number]).map((value) => horizontal(y(value), `1e${exponentOf(value)}`, GRID)),
    ...x.ticks(Math.min(longest, 8)).map((tick) => vertical(x(tick), String(tick))),
    ...(tol === undefined ? [] : [horizontal(y(tol), '', INK, '4 4')]),
    ...curves,
    `<text x="${(MARGIN.left + WIDTH - MARGIN.right) / 2}" y="${HEIGHT - 12}" text-anchor="middle">iteration</text>`,
    `<text transform="translate(18 ${(MARGIN.top + HEIGHT - MARGIN.bottom) / 2}) rotate(-90)" text-anchor="middle">residual</text>`,
    '</svg>',
    '',
  ].join('\n')
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

const escapeText = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
