import { expectNumber, expectOptions, expectPositive } from '../../../runtime/check.ts'
import type { Optimizer } from '../optimizer.ts'
import { Schedule } from './schedule.ts'

/**
 * To etaMin (0) along half a cosine of tMax steps, back along the next half, and so on: each step multiplies the rate's distance from
 * etaMin. From etaMin itself, where no factor leads away, the first step back is that of the base rate.
 *
 * @see Loshchilov and Hutter 2017; torch's CosineAnnealingLR
 */
export class CosineAnnealingLR extends Schedule {
  readonly tMax: number
  readonly etaMin: number

  constructor(optimizer: Optimizer, options: { tMax: number; etaMin?: number }) {
    super('CosineAnnealingLR', optimizer)
    expectOptions('CosineAnnealingLR', options, ['tMax', 'etaMin'])
    const { tMax, etaMin = 0 } = options
    this.tMax = expectPositive('CosineAnnealingLR', 'tMax', tMax)
    this.etaMin = expectNumber('CosineAnnealingLR', 'etaMin', etaMin, 0)
    this.begin()
  }

  protected override next(lr: number): number {
    const { steps, tMax, etaMin } = this
    if ((steps - 1 - tMax) % (2 * tMax) === 0) return lr + ((this.baseLr - etaMin) * (1 - this.#cosineAfter(1))) / 2
    return etaMin + ((lr - etaMin) * (1 + this.#cosineAfter(steps))) / (1 + this.#cosineAfter(steps - 1))
  }

  #cosineAfter(steps: number): number {
    return this.optimizer.runtime.core.cosineOfPi(steps / this.tMax)
  }
}
