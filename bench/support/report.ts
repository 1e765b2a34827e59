/** Figures as they are measured: printed at once, and kept as JSON so that two commits can be compared. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { arch, cpus, loadavg, platform } from 'node:os'
import type { Timing } from './measure.ts'

/** What a figure is held against. */
export interface Target {
  /** The number that the bound speaks of: a ratio, or the figure itself. */
  readonly reached: number
  readonly bound: number
  readonly sense: 'at least' | 'at most'
}

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
    const { seconds, spread } = timing
    const [value, unit] = seconds < 1e-3 ? [seconds * 1e6, 'µs'] : [seconds * 1e3, 'ms']
    this.add({ bench, name, value, unit, spread, ...rest })
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

  save(environment: Environment): string {
    mkdirSync('out/bench', { recursive: true })
    const { commit, variant, engine, quick } = environment
    const file = `out/bench/${commit}-${variant}-${engine.split(' ')[0]!.replace('/', '')}${quick ? '-quick' : ''}.json`
    writeFileSync(file, JSON.stringify({ environment, figures: this.figures }, undefined, 1))
    return file
  }
}

const isMet = ({ reached, bound, sense }: Target): boolean =>
  sense === 'at least' ? reached >= bound : reached <= bound

function verdict(target: Target): string {
  return `${short(target.reached)}, target ${target.sense} ${target.bound}: ${isMet(target) ? 'reached' : 'MISSED'}`
}

function line({ name, value, unit, spread, beside, target }: Figure): string {
  const figure = `${short(value)} ${unit}`.padStart(16)
  const wobble = (spread === undefined ? '' : `±${Math.round(spread * 100)} %`).padEnd(7)
  const others = Object.entries(beside ?? {}).map(([what, number]) => `${what} ${short(number)}`)
  return [`${name.padEnd(34)} ${figure} ${wobble}`, ...others, ...(target ? [verdict(target)] : [])].join('  ')
}

export const short = (x: number): string =>
  x >= 100 ? x.toFixed(0) : x >= 10 ? x.toFixed(1) : x >= 1 ? x.toFixed(2) : x.toFixed(3)

export interface Environment {
  readonly date: string
  readonly commit: string
  readonly engine: string
  readonly cpu: string
  readonly load: number
  readonly variant: string
  readonly build: string
  readonly quick: boolean
}

export function environment(variant: string, quick: boolean): Environment {
  const { node, v8 } = process.versions
  const cpu = `${cpus()[0]?.model ?? 'unknown'} x ${cpus().length}, ${platform()} ${arch()}`
  const date = new Date().toISOString()
  return {
    date,
    commit: commit(date),
    engine: `node/${node} V8 ${v8}`,
    cpu,
    load: loadavg()[0]!,
    variant,
    build: buildFlags(variant),
    quick,
  }
}

/** The commit's short name, marked where files differ from it; the date where there is no git. */
function commit(date: string): string {
  const git = (...args: string[]) =>
    execFileSync('git', ['--no-optional-locks', ...args], { encoding: 'utf8', stdio: 'pipe' }).trim()
  try {
    return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain') === '' ? '' : '-changed')
  } catch {
    return date.slice(0, 10)
  }
}

function buildFlags(variant: string): string {
  const { options, targets } = JSON.parse(readFileSync('asconfig.json', 'utf8'))
  const { optimizeLevel, shrinkLevel, converge, enable } = { ...options, ...targets[variant] }
  const features = [...new Set([...options.enable, ...(enable ?? [])])].join(' ')
  return `asc optimizeLevel ${optimizeLevel}, shrinkLevel ${shrinkLevel}, converge ${converge}, ${features}`
}
