/** Axes of line charts: what they span, and what stands at their ticks. */
import type { Axis as VegaAxis, Scale } from 'vega'

export interface Axis {
  /** With its unit. */
  readonly title: string
  readonly type?: 'linear' | 'log'
  /** Where the axis begins and ends; around all of the data if left out. What lies outside is cut off. */
  readonly domain?: readonly [number, number]
  /** In d3's notation: '~%', 'd' for whole numbers. */
  readonly format?: string
  /** Where the usual ticks do not fit. */
  readonly ticks?: readonly Tick[]
  /** Lines across the panel at the ticks; if left out those of y alone. */
  readonly grid?: boolean
}

export interface Tick {
  readonly at: number
  readonly label: string
}

/** At most so many ticks on a logarithmic axis. */
const MAX_POWERS = 9

/** The scale of `axis` over so many pixels. */
export function scaleOf(name: 'x' | 'y', axis: Axis, range: [number, number], values: readonly number[]): Scale {
  const domain = [...(axis.domain ?? extent(axis, values))]
  if (axis.type === 'log') return { name, type: 'log', domain, range }
  return { name, type: 'linear', domain, range, zero: false, nice: name === 'y' && !axis.domain }
}

function extent({ type }: Axis, values: readonly number[]): [number, number] {
  const [least, most] = [Math.min(...values), Math.max(...values)]
  if (type !== 'log') return [least, most]
  const base = baseOf(least, most)
  return [base ** Math.floor(power(least, base)), base ** Math.ceil(power(most, base))]
}

/** Are there data beyond the axis's ends? */
export function isExceeded({ domain }: Axis, values: readonly number[]): boolean {
  if (!domain) return false
  const [least, most] = [Math.min(...domain), Math.max(...domain)]
  return values.some((value) => value < least || value > most)
}

export function axisOf(name: 'x' | 'y', axis: Axis, values: readonly number[]): VegaAxis {
  const { title, format, type, domain, grid = name === 'y' } = axis
  const ticks = axis.ticks ?? (type === 'log' ? powers(domain ?? extent(axis, values)) : undefined)
  return {
    orient: name === 'x' ? 'bottom' : 'left',
    scale: name,
    title,
    grid,
    gridScale: name === 'x' ? 'y' : 'x',
    ...(ticks ? labelled(ticks) : { tickCount: 6 }),
    ...(format && { format }),
    ...(format === 'd' && { tickMinStep: 1 }),
  }
}

function labelled(ticks: readonly Tick[]): Partial<VegaAxis> {
  const labels = JSON.stringify(Object.fromEntries(ticks.map(({ at, label }) => [at, label])))
  return {
    values: ticks.map(({ at }) => at),
    encode: { labels: { update: { text: { signal: `${labels}[datum.value]` } } } },
  }
}

/** Powers of 10, or of 2 where there are fewer than three decades. */
function powers(domain: readonly [number, number]): Tick[] {
  const [least, most] = [Math.min(...domain), Math.max(...domain)]
  const base = baseOf(least, most)
  const [from, to] = [Math.ceil(power(least, base)), Math.floor(power(most, base))]
  const every = Math.ceil((to - from + 1) / MAX_POWERS)
  const isShort = base === 2 || (from >= -4 && to <= 4)
  const labelOf = (exponent: number) =>
    isShort || exponent === 0 ? String(base ** exponent) : `10${superscript(exponent)}`
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
    .filter((exponent) => exponent % every === 0)
    .map((exponent) => ({ at: base ** exponent, label: labelOf(exponent) }))
}

const baseOf = (least: number, most: number): 2 | 10 => (most / least < 1000 ? 2 : 10)

/** To the twelfth digit, lest log(1000) / log(10) fall short of 3. */
const power = (x: number, base: number): number => Number((Math.log(x) / Math.log(base)).toPrecision(12))

const SUPERSCRIPTS = '⁰¹²³⁴⁵⁶⁷⁸⁹'

const superscript = (exponent: number): string =>
  String(exponent)
    .replace('-', '⁻')
    .replace(/\d/g, (digit) => SUPERSCRIPTS[Number(digit)]!)
