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
  /** Change that counts as an improvement; 1e-4 if left out. */
  threshold?: number
  /**
   * 'rel' (the default): better than best (1 - threshold), with mode 'max' than best (1 + threshold); made for metrics that are positive.
   * 'abs': better than best - threshold, or best + threshold.
   */
  thresholdMode?: 'rel' | 'abs'
  /** Steps after a cut that do not count; 0 if left out. */
  cooldown?: number
  /** 0 if left out. */
  minLr?: number
  /** Smallest cut that is made; 1e-8 if left out. */
  eps?: number
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
    expectOptions(who, options, Object.keys(DEFAULTS))
    this.#options = { ...DEFAULTS, ...options }
    expectOneOf(who, 'mode', this.#options.mode, ['min', 'max'])
    expectOneOf(who, 'thresholdMode', this.#options.thresholdMode, ['rel', 'abs'])
    for (const name of ['factor', 'patience', 'threshold', 'cooldown', 'minLr', 'eps'] as const)
      expectNumber(who, name, this.#options[name], 0)
    this.#best = this.#options.mode === 'min' ? Infinity : -Infinity
    this.begin()
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

  /** The best metric may be any number; infinite before the first step. */
  protected override isSane(name: string, value: number): boolean {
    return name === 'best' ? !Number.isNaN(value) : super.isSane(name, value)
  }

  protected override checkMetric(metric?: number): void {
    if (typeof metric !== 'number')
      fail('type', `ReduceLROnPlateau.step: metric is ${describeValue(metric)}; expected a number`)
  }

  protected override next(lr: number, metric: number): number {
    const { factor, patience, cooldown, minLr, eps } = this.#options
    if (this.#improves(metric)) {
      this.#best = metric
      this.#bad = 0
    } else this.#bad++
    if (this.#cooling > 0) {
      this.#cooling--
      this.#bad = 0
    }
    if (this.#bad <= patience) return lr
    this.#cooling = cooldown
    this.#bad = 0
    const cut = Math.max(lr * factor, minLr)
    return lr - cut > eps ? cut : lr
  }

  #improves(metric: number): boolean {
    const { mode, threshold, thresholdMode } = this.#options
    const sign = mode === 'min' ? -1 : 1
    const bar = thresholdMode === 'abs' ? this.#best + sign * threshold : this.#best * (1 + sign * threshold)
    return mode === 'min' ? metric < bar : metric > bar
  }
}

const DEFAULTS: Required<PlateauOptions> = {
  mode: 'min',
  factor: 0.1,
  patience: 10,
  threshold: 1e-4,
  thresholdMode: 'rel',
  cooldown: 0,
  minLr: 0,
  eps: 1e-8,
}
