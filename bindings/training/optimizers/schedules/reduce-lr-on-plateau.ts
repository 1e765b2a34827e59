import { describeValue, expectNumber, expectOneOf, expectOptions, fail } from '../../../runtime/check.ts'
import type { Optimizer } from '../optimizer.ts'
import { Schedule } from './schedule.ts'

export interface PlateauOptions {
  /** Is a smaller ('min', the default) or a greater metric better? */
  mode?: 'min' | 'max'
  /** 0.1 if left out. */
  factor?: number
  /** Steps without improvement that are borne; 10 if left out. */
  patience?: number
  /** Relative change that counts as an improvement; 1e-4 if left out. */
  threshold?: number
  /** Steps after a cut that do not count; 0 if left out. */
  cooldown?: number
  /** 0 if left out. */
  minLr?: number
}

/** Multiplies the rate by `factor` when the metric has stopped improving. @see torch's ReduceLROnPlateau */
export class ReduceLROnPlateau extends Schedule {
  readonly #options: Required<PlateauOptions>
  #best: number
  #bad = 0
  #cooling = 0

  constructor(optimizer: Optimizer, options: PlateauOptions = {}) {
    const who = 'ReduceLROnPlateau'
    super(who, optimizer)
    expectOptions(who, options, ['mode', 'factor', 'patience', 'threshold', 'cooldown', 'minLr'])
    this.#options = { mode: 'min', factor: 0.1, patience: 10, threshold: 1e-4, cooldown: 0, minLr: 0, ...options }
    expectOneOf(who, 'mode', this.#options.mode, ['min', 'max'])
    for (const name of ['factor', 'patience', 'threshold', 'cooldown', 'minLr'] as const)
      expectNumber(who, name, this.#options[name], 0)
    this.#best = this.#options.mode === 'min' ? Infinity : -Infinity
  }

  override stateDict(): Record<string, number> {
    return { ...super.stateDict(), best: this.#best, bad: this.#bad, cooling: this.#cooling }
  }

  protected override restore(dict: Readonly<Record<string, number>>): void {
    super.restore(dict)
    this.#best = dict['best']!
    this.#bad = dict['bad']!
    this.#cooling = dict['cooling']!
  }

  protected override rate(metric?: number): number {
    if (typeof metric !== 'number')
      fail('type', `ReduceLROnPlateau.step: metric is ${describeValue(metric)}; expected a number`)
    const { factor, patience, cooldown, minLr } = this.#options
    if (this.#improves(metric)) {
      this.#best = metric
      this.#bad = 0
    } else this.#bad++
    if (this.#cooling > 0) {
      this.#cooling--
      this.#bad = 0
    }
    if (this.#bad <= patience) return this.optimizer.lr
    this.#cooling = cooldown
    this.#bad = 0
    return Math.max(this.optimizer.lr * factor, minLr)
  }

  #improves(metric: number): boolean {
    const { mode, threshold } = this.#options
    return mode === 'min' ? metric < this.#best * (1 - threshold) : metric > this.#best * (1 + threshold)
  }
}
