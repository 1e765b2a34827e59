/** Learning-rate schedules: call `step()` after each epoch (or each training step), as in torch.optim.lr_scheduler. */
import { describeValue, expectOptions, fail, isRecord } from '../../../runtime/check.ts'
import { type Optimizer, expectOptimizer } from '../optimizer.ts'

/**
 * What all schedules share: the optimiser, the rate that its schedules started from, and how often this one stepped. A schedule makes the
 * next rate of the present one, whoever set that, never below 0: several on one optimiser multiply, and a rate set by hand is where they go on from.
 *
 * @see the chainable forms of torch.optim.lr_scheduler
 */
export abstract class Schedule {
  readonly optimizer: Optimizer
  protected steps = 0
  readonly #who: string
  #baseLr: number

  constructor(who: string, optimizer: Optimizer) {
    expectOptimizer(who, optimizer)
    optimizer.expectAlive(who)
    this.#who = who
    this.optimizer = optimizer
    this.#baseLr = optimizer.initialLr ?? optimizer.lr
  }

  /** The optimiser's rate before its first schedule. */
  get baseLr(): number {
    return this.#baseLr
  }

  /** Sets the optimiser's rate for what comes next. `metric`: what a plateau is looked for in. */
  step(metric?: number): void {
    this.optimizer.expectAlive(`${this.#who}.step`)
    this.checkMetric(metric)
    this.steps++
    this.optimizer.lr = Math.max(0, this.next(this.optimizer.lr, metric))
  }

  /** Everything that `loadStateDict` needs to go on from here, as numbers by name. */
  stateDict(): Record<string, number> {
    return { steps: this.steps, lr: this.optimizer.lr, baseLr: this.#baseLr }
  }

  /** Takes a state and its rate. @throws RetrogradError 'state-dict', 'option' for unknown names; nothing changes then */
  loadStateDict(dict: Readonly<Record<string, number>>): void {
    this.expectState(`${this.#who}.loadStateDict`, dict)
    this.restore(dict)
  }

  /** @internal Refuses a state that is no schedule's of this kind. */
  expectState(who: string, dict: Readonly<Record<string, number>>): void {
    const own = Object.keys(this.stateDict())
    if (!isRecord(dict)) fail('type', `${who}: the state is ${describeValue(dict)}; expected an object`)
    for (const name of own) {
      const value: unknown = Object.hasOwn(dict, name) ? dict[name] : undefined
      if (typeof value !== 'number' || !this.isSane(name, value))
        fail('state-dict', `${who}: '${name}' is ${describeValue(value)}; expected ${this.#expected(name)}`)
    }
    expectOptions(who, dict, own)
  }

  /** Rates are finite and >= 0, all else counts. */
  protected isSane(name: string, value: number): boolean {
    return value >= 0 && (isRate(name) ? Number.isFinite(value) : Number.isSafeInteger(value))
  }

  #expected(name: string): string {
    return isRate(name) ? 'a finite number >= 0' : 'a number that counts, or was measured'
  }

  /** Once made and found right: what the first rate becomes. */
  protected begin(factor = 1): void {
    this.optimizer.initialLr ??= this.optimizer.lr
    this.optimizer.lr *= factor
  }

  protected restore(dict: Readonly<Record<string, number>>): void {
    this.steps = dict['steps']!
    this.#baseLr = dict['baseLr']!
    this.optimizer.initialLr = this.#baseLr
    this.optimizer.lr = dict['lr']!
  }

  /** Refuses what a step cannot be judged by, before anything is changed. */
  protected checkMetric(_metric?: number): void {}

  /** The rate after `steps` steps, where it was `lr` before the last of them. */
  protected abstract next(lr: number, metric?: number): number
}

const isRate = (name: string): boolean => name === 'lr' || name === 'baseLr'

export function expectSchedule(who: string, schedule: unknown): void {
  if (!(schedule instanceof Schedule))
    fail('type', `${who}: schedule is ${describeValue(schedule)}; expected a schedule`)
}
