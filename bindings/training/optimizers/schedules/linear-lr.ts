import { expectNumber, expectOptions, expectPositive, fail } from '../../../runtime/check.ts'
import type { Optimizer } from '../optimizer.ts'
import { Schedule } from './schedule.ts'

export interface LinearOptions {
  /** In (0, 1]; 1/3 if left out. */
  startFactor?: number
  /** In [0, 1]; 1 if left out. */
  endFactor?: number
  /** 5 if left out. */
  totalIters?: number
}

/** A factor of the rate that goes from startFactor to endFactor, linearly over totalIters steps. @see torch's LinearLR */
export class LinearLR extends Schedule {
  readonly startFactor: number
  readonly endFactor: number
  readonly totalIters: number

  constructor(optimizer: Optimizer, options: LinearOptions = {}) {
    super('LinearLR', optimizer)
    expectOptions('LinearLR', options, ['startFactor', 'endFactor', 'totalIters'])
    const { startFactor = 1 / 3, endFactor = 1, totalIters = 5 } = options
    this.startFactor = expectNumber('LinearLR', 'startFactor', startFactor, 0, 1)
    if (this.startFactor === 0)
      fail('option', 'LinearLR: startFactor is 0; expected a number in (0, 1], for no factor leads from a rate of 0')
    this.endFactor = expectNumber('LinearLR', 'endFactor', endFactor, 0, 1)
    this.totalIters = expectPositive('LinearLR', 'totalIters', totalIters)
    this.begin(this.startFactor)
  }

  protected override next(lr: number): number {
    const { startFactor, endFactor, totalIters, steps } = this
    if (steps > totalIters) return lr
    const change = endFactor - startFactor
    return lr * (1 + change / (totalIters * startFactor + (steps - 1) * change))
  }
}
