/** Figures as they are measured: printed at once, and held so that they can be kept. */
import type { Timing } from './measure.ts'

/** What a figure is held against. */
export interface Target {
  /** The number that the bound speaks of: a ratio, or the figure itself. */
  readonly reached: number
  readonly bound: number
  readonly sense: 'at least' | 'at most'
}

/** The target of a number that may not have been measured. */
export const atLeast = (bound: number, reached: number | undefined): Target | undefined =>
  reached === undefined ? undefined : { reached, bound, sense: 'at least' }

export interface Figure {
  readonly bench: string
  readonly name: string
  readonly value: number
  readonly unit: string
  /** Half the distance between the quartiles, as a share of the value. */
  readonly spread?: number
  /** Other figures beside it: a share of the ceiling, a multiple of the scalar baseline. */
  readonly beside?: Readonly<Record<string, number>>
  readonly target?: Target
}

/** More of it is better. */
const RATES = new Set(['GFLOP/s', 'GB/s'])

export const isRate = (unit: string): boolean => RATES.has(unit)

export class Report {
  readonly figures: Figure[] = []
  #bench = ''

  add(figure: Figure): void {
    if (figure.bench !== this.#bench) console.log(`\n${figure.bench}`)
    this.#bench = figure.bench
    this.figures.push(figure)
    console.log(`  ${line(figure)}`)
  }

  /** A figure in milliseconds or microseconds. */
  addTime(bench: string, name: string, timing: Timing, rest: Partial<Figure> = {}): void {
    const [value, unit] = inUnits(timing.seconds)
    this.add({ bench, name, value, unit, spread: timing.spread, ...rest })
  }

  /** A figure in units of 10^9 `work` per second. */
  addRate(bench: string, name: string, timing: Timing, work: number, unit: string, rest: Partial<Figure> = {}): void {
    this.add({ bench, name, value: work / timing.seconds / 1e9, unit, spread: timing.spread, ...rest })
  }

  /** Which targets were reached. */
  summary(): void {
    const held = this.figures.filter(({ target }) => target)
    console.log('\ntargets')
    for (const figure of held)
      console.log(`  ${`${figure.bench} ${figure.name}`.padEnd(44)} ${verdict(figure.target!)}`)
    console.log(`  ${held.filter(({ target }) => isMet(target!)).length} of ${held.length} reached`)
  }
}

const isMet = ({ reached, bound, sense }: Target): boolean =>
  sense === 'at least' ? reached >= bound : reached <= bound

/** @param unit of both numbers */
function verdict(target: Target, unit = ''): string {
  const { reached, sense, bound } = target
  return `${short(reached)}${unit}, target ${sense} ${bound}${unit}: ${isMet(target) ? 'reached' : 'MISSED'}`
}

/** What became of a target in times; without one it was not measured. */
export function printTarget(what: string, target: Target | undefined): void {
  console.log(`  ${what.padEnd(46)} ${target ? verdict(target, 'x') : 'not measured'}`)
}

function line({ name, value, unit, spread, beside, target }: Figure): string {
  const figure = `${short(value)} ${unit}`.padStart(16)
  const wobble = (spread === undefined ? '' : formatSpread(spread)).padEnd(7)
  const others = Object.entries(beside ?? {}).map(([what, number]) => `${what} ${short(number)}`)
  return [`${name.padEnd(34)} ${figure} ${wobble}`, ...others, ...(target ? [verdict(target)] : [])].join('  ')
}

export const short = (x: number): string =>
  x >= 100 ? x.toFixed(0) : x >= 10 ? x.toFixed(1) : x >= 1 ? x.toFixed(2) : x.toFixed(3)

const inUnits = (seconds: number): [number, string] => (seconds < 1e-3 ? [seconds * 1e6, 'µs'] : [seconds * 1e3, 'ms'])

export function formatTime(seconds: number): string {
  const [value, unit] = inUnits(seconds)
  return `${short(value)} ${unit}`
}

export const formatSpread = (spread: number): string => `±${Math.round(spread * 100)} %`
