/** Learning-rate schedules: call `step()` after each epoch (or each training step), as in torch.optim.lr_scheduler. */
import { describeValue, expectNumber, expectOneOf, expectOptions, expectPositive, fail } from '../../runtime/check.ts'
import { Optimizer } from './optimizer.ts'

/** What all schedules share: the optimiser, the rate they started from, and how often they stepped. */
export abstract class Schedule {
  readonly optimizer: Optimizer
  readonly baseLr: number
  protected steps = 0

  constructor(who: string, optimizer: Optimizer) {
    if (!(optimizer instanceof Optimizer))
      fail('type', `${who}: optimizer is ${describeValue(optimizer)}; expected an optimiser`)
    this.optimizer = optimizer
    this.baseLr = optimizer.lr
  }

  /** Sets the optimiser's rate for what comes next. `metric`: what a plateau is looked for in. */
  step(metric?: number): void {
    this.steps++
    this.optimizer.lr = this.rate(metric)
  }

  /** Everything that `loadStateDict` needs to go on from here, as numbers by name. */
  stateDict(): Record<string, number> {
    return { steps: this.steps, lr: this.optimizer.lr }
  }

  loadStateDict(dict: Readonly<Record<string, number>>): void {
    const own = Object.keys(this.stateDict())
    expectOptions('Schedule.loadStateDict', dict, own)
    for (const name of own) {
      if (typeof dict[name] !== 'number')
        fail('state-dict', `Schedule.loadStateDict: '${name}' is ${describeValue(dict[name])}; expected a number`)
    }
    this.restore(dict)
  }

  protected restore(dict: Readonly<Record<string, number>>): void {
    this.steps = dict['steps']!
    this.optimizer.lr = dict['lr']!
  }

  /** The rate after `steps` steps. */
  protected abstract rate(metric?: number): number
}

/** Multiplies the rate by gamma (0.1) every stepSize steps. @see torch.optim.lr_scheduler.StepLR */
export class StepLR extends Schedule {
  readonly stepSize: number
  readonly gamma: number

  constructor(optimizer: Optimizer, options: { stepSize: number; gamma?: number }) {
    super('StepLR', optimizer)
    expectOptions('StepLR', options, ['stepSize', 'gamma'])
    this.stepSize = expectPositive('StepLR', 'stepSize', options.stepSize)
    this.gamma = expectNumber('StepLR', 'gamma', options.gamma ?? 0.1, 0)
  }

  protected override rate(): number {
    return this.steps % this.stepSize === 0 ? this.optimizer.lr * this.gamma : this.optimizer.lr
  }
}

/** From the base rate to etaMin (0) along half a cosine of tMax steps. @see Loshchilov and Hutter 2017; torch's CosineAnnealingLR */
export class CosineAnnealingLR extends Schedule {
  readonly tMax: number
  readonly etaMin: number

  constructor(optimizer: Optimizer, options: { tMax: number; etaMin?: number }) {
    super('CosineAnnealingLR', optimizer)
    expectOptions('CosineAnnealingLR', options, ['tMax', 'etaMin'])
    this.tMax = expectPositive('CosineAnnealingLR', 'tMax', options.tMax)
    this.etaMin = expectNumber('CosineAnnealingLR', 'etaMin', options.etaMin ?? 0, 0)
  }

  protected override rate(): number {
    const phase = this.optimizer.runtime.core.cosineOfPi(this.steps / this.tMax)
    return this.etaMin + ((this.baseLr - this.etaMin) * (1 + phase)) / 2
  }
}

/** From startFactor (1/3) of the base rate up to all of it, linearly over totalIters (5) steps. @see torch's LinearLR */
export class LinearLR extends Schedule {
  readonly startFactor: number
  readonly totalIters: number

  constructor(optimizer: Optimizer, options: { startFactor?: number; totalIters?: number } = {}) {
    super('LinearLR', optimizer)
    expectOptions('LinearLR', options, ['startFactor', 'totalIters'])
    this.startFactor = expectNumber('LinearLR', 'startFactor', options.startFactor ?? 1 / 3, 0, 1)
    this.totalIters = expectPositive('LinearLR', 'totalIters', options.totalIters ?? 5)
    optimizer.lr = this.rate()
  }

  protected override rate(): number {
    const done = Math.min(1, this.steps / this.totalIters)
    return this.baseLr * (this.startFactor + (1 - this.startFactor) * done)
  }
}

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
