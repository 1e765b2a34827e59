/** Learning-rate schedules: call `step()` after each epoch (or each training step), as in torch.optim.lr_scheduler. */
import { describeValue, expectOptions, fail } from '../../../runtime/check.ts'
import { type Optimizer, expectOptimizer } from '../optimizer.ts'

/** What all schedules share: the optimiser, the rate they started from, and how often they stepped. */
export abstract class Schedule {
  readonly optimizer: Optimizer
  readonly baseLr: number
  protected steps = 0

  constructor(who: string, optimizer: Optimizer) {
    expectOptimizer(who, optimizer)
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

export function expectSchedule(who: string, schedule: unknown): void {
  if (!(schedule instanceof Schedule))
    fail('type', `${who}: schedule is ${describeValue(schedule)}; expected a schedule`)
}
