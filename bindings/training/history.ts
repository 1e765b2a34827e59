import type { FitOptions, FitResult } from './fit-options.ts'
import type { MetricName, Metrics } from './metrics.ts'

/** What `fit` gives: one number for each epoch that was completed, of the losses and of all that was asked for. */
export class History {
  readonly #options: FitOptions
  readonly #loss: number[] = []
  readonly #validation: number[] = []
  readonly #metrics: Partial<Record<MetricName, number[]>> = {}

  constructor(options: FitOptions) {
    this.#options = options
    for (const name of options.metrics ?? []) this.#metrics[name] = []
  }

  add(loss: number, validation: number | undefined, metrics: Metrics = {}): void {
    this.#loss.push(loss)
    if (validation !== undefined) this.#validation.push(validation)
    for (const [name, value] of Object.entries(metrics) as [MetricName, number][])
      (this.#metrics[name] ??= []).push(value)
  }

  result(rest: Pick<FitResult, 'steps' | 'skipped' | 'aborted'>): FitResult {
    const validation = this.#options.validation ? { validation: this.#validation } : {}
    const metrics = this.#options.metrics ? { metrics: this.#metrics } : {}
    return { loss: this.#loss, ...validation, ...metrics, ...rest }
  }
}
