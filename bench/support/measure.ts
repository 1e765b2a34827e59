/**
 * Timing by benchmark.js. Cases that are to be compared run in turn, round by round: the machine's mood is then the same
 * for all of them, and a ratio is the median of the rounds' ratios.
 */
import Benchmark from 'benchmark'

/** How long to measure. */
export interface Effort {
  readonly rounds: number
  /** Of each case in each round. */
  readonly seconds: number
  /** Of benchmark.js, at least, in each round. */
  readonly samples: number
  /** At most, of each case before the first round. */
  readonly warmSeconds: number
}

export const FULL: Effort = { rounds: 15, seconds: 0.1, samples: 3, warmSeconds: 3 }
export const QUICK: Effort = { rounds: 5, seconds: 0.01, samples: 1, warmSeconds: 0.3 }

export interface Timing {
  /** Median seconds of a call. */
  readonly seconds: number
  /** By `spreadOf`. */
  readonly spread: number
  /** Of each round, the median of its samples or their mean. */
  readonly rounds: readonly number[]
}

/** Samples shorter than this say more about the clock. */
const MIN_SAMPLE_SECONDS = 0.005

/** Times every case. An error in one of them, or a promise for a result, is an error of the bench. */
export function measure<Name extends string>(cases: Record<Name, () => unknown>, effort: Effort): Record<Name, Timing> {
  const names = Object.keys(cases) as Name[]
  for (const name of names) {
    if (cases[name]() instanceof Promise) throw new Error(`${name}: gives a promise, which would be timed as nothing`)
    warm(cases[name], effort.warmSeconds)
  }
  const samples = new Map(names.map((name) => [name, [] as number[][]]))
  for (let round = 0; round < effort.rounds; round++) {
    for (const name of names) samples.get(name)!.push(sample(name, cases[name], effort))
  }
  return Object.fromEntries(names.map((name) => [name, timing(samples.get(name)!)])) as Record<Name, Timing>
}

function sample(name: string, fn: () => unknown, effort: Effort): number[] {
  const options = { maxTime: effort.seconds, minTime: MIN_SAMPLE_SECONDS, minSamples: effort.samples }
  const bench = new Benchmark(name, fn, options).run({ async: false })
  const { error } = bench as { error?: Error }
  if (error) throw error
  if (bench.stats.sample.length === 0) throw new Error(`${name}: benchmark.js gave no sample`)
  return [...bench.stats.sample]
}

/** Until it gets no faster: engines compile hot code in the background, which may take long on a busy machine. */
function warm(fn: () => unknown, limitSeconds: number): void {
  const [blockMs, patience] = [20, 8]
  const start = performance.now()
  let best = Infinity
  let since = 0
  while (since < patience && performance.now() - start < limitSeconds * 1000) {
    const begin = performance.now()
    let calls = 0
    while (performance.now() - begin < blockMs) {
      fn()
      calls++
    }
    const ms = (performance.now() - begin) / calls
    since = ms < best * 0.97 ? 0 : since + 1
    best = Math.min(best, ms)
  }
}

function timing(rounds: readonly number[][]): Timing {
  const all = rounds.flat()
  return { seconds: median(all), spread: spreadOf(all), rounds: rounds.map(median) }
}

/** How many times longer `a` takes than `b`: the median of the rounds' ratios. Both come from one `measure`. */
export function ratio(a: Timing, b: Timing): number {
  return median(a.rounds.map((seconds, round) => seconds / b.rounds[round]!))
}

/** Half the distance between the quartiles, as a share of the median. */
export const spreadOf = (values: readonly number[]): number =>
  (quantile(values, 0.75) - quantile(values, 0.25)) / 2 / median(values)

export const median = (values: readonly number[]): number => quantile(values, 0.5)

function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const position = (sorted.length - 1) * q
  const low = sorted[Math.floor(position)]!
  return low + (sorted[Math.ceil(position)]! - low) * (position % 1)
}
