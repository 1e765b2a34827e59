import type { Runtime } from '../runtime/runtime.ts'
import { type MetricName, type Metrics, type Tally, metricOf, tallyOf } from './metrics.ts'
import type { Comparison } from './model.ts'

/** What has been summed up: losses, each times its weight, and what metrics need. */
export type Sums = Readonly<Partial<Record<'loss' | MetricName, Tally>>>

/** The mean loss and the metrics of an epoch, portion after portion. */
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

  /** A portion's mean loss over its `weight` samples, and what it was taken from. */
  add(loss: number, weight: number, comparison: Comparison): void {
    addTo(this.#loss, { sum: loss * weight, count: weight })
    for (const [name, tally] of this.#metrics) addTo(tally, tallyOf(this.#who, name, comparison))
  }

  get loss(): number {
    return this.#loss.sum / this.#loss.count
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
