import { expectNumber, expectOptions, expectPositive } from '../../../runtime/check.ts'
import type { Optimizer } from '../optimizer.ts'
import { Schedule } from './schedule.ts'

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
