import { expectNumber, expectOptions, expectPositive } from '../../../runtime/check.ts'
import type { Optimizer } from '../optimizer.ts'
import { Schedule } from './schedule.ts'

/** Multiplies the rate by gamma (0.1) every stepSize steps. @see torch.optim.lr_scheduler.StepLR */
export class StepLR extends Schedule {
  readonly stepSize: number
  readonly gamma: number

  constructor(optimizer: Optimizer, options: { stepSize: number; gamma?: number }) {
    super('StepLR', optimizer)
    expectOptions('StepLR', options, ['stepSize', 'gamma'])
    const { stepSize, gamma = 0.1 } = options
    this.stepSize = expectPositive('StepLR', 'stepSize', stepSize)
    this.gamma = expectNumber('StepLR', 'gamma', gamma, 0)
    this.begin()
  }

  protected override next(lr: number): number {
    return this.steps % this.stepSize === 0 ? lr * this.gamma : lr
  }
}
