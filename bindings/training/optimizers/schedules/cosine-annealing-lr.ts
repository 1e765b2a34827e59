import { expectNumber, expectOptions, expectPositive } from '../../../runtime/check.ts'
import type { Optimizer } from '../optimizer.ts'
import { Schedule } from './schedule.ts'

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
