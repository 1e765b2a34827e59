import type { Runtime } from '../runtime/runtime.ts'
import type { Loss } from './losses/loss.ts'
import { type MetricName, type Metrics, type Tally, metricOf, tallyOf } from './metrics.ts'
import type { Comparison } from './model.ts'

/** What has been summed up: losses with what they are divided by, and what metrics need. */
export type Sums = Readonly<Partial<Record<'loss' | MetricName, Tally>>>

/** The loss and the metrics over all that was gone through, portion after portion: as if it had come at once. */
export class Totals {
  readonly #who: string
  readonly #loss: Tally
  readonly #metrics: ReadonlyMap<MetricName, Tally>

  /** `before`: where an earlier count stopped. */
  constructor(who: string, names: readonly MetricName[] = [], before: Sums = {}) {
    const startOf = (name: keyof Sums): Tally => ({ sum: 0, count: 0, ...before[name] })
    this.#who = who
    this.#loss = startOf('loss')
    this.#metrics = new Map(names.map((name) => [name, startOf(name)]))
  }

  /** A portion's loss, what it is divided by, and what it was taken from; no loss where that is 0. */
  add({ value, reduction }: Loss, divisor: number, comparison: Comparison): void {
    if (divisor > 0)
      addTo(this.#loss, reduction === 'sum' ? { sum: value, count: 0 } : { sum: value * divisor, count: divisor })
    for (const [name, tally] of this.#metrics) addTo(tally, tallyOf(this.#who, name, comparison))
  }

  /** Has there been a loss that counts? */
  get hasLoss(): boolean {
    return this.#loss.count > 0 || this.#loss.sum !== 0
  }

  /** Σ m ℓ / Σ m, 0 where Σ m is 0; of losses that are sums their sum. */
  get loss(): number {
    const { sum, count } = this.#loss
    return count > 0 ? sum / count : sum
  }

  metrics(runtime: Runtime): Metrics {
    return Object.fromEntries([...this.#metrics].map(([name, tally]) => [name, metricOf(runtime, name, tally)]))
  }

  /** A copy to go on from. */
  get sums(): Sums {
    const metrics = [...this.#metrics].map(([name, tally]) => [name, { ...tally }])
    return { loss: { ...this.#loss }, ...Object.fromEntries(metrics) }
  }
}

function addTo(tally: Tally, { sum, count }: Tally): void {
  tally.sum += sum
  tally.count += count
}
