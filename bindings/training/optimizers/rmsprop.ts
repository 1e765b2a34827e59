import { expectBoolean, expectNumber, expectOptions } from '../../runtime/check.ts'
import { OPTIMIZER_OPTIONS, Optimizer, type OptimizerOptions, type Range } from './optimizer.ts'
import type { Trained } from './trained.ts'

export interface RMSpropOptions extends OptimizerOptions {
  /** Decay of the mean square; 0.99 if left out. */
  alpha?: number
  /** 1e-8 if left out. */
  eps?: number
  /** 0 if left out. */
  momentum?: number
  /** Divide by the standard deviation rather than the root of the mean square; false if left out. */
  centered?: boolean
}

/** RMSprop, lr 1e-2. @see Tieleman and Hinton 2012; torch.optim.RMSprop */
export class RMSprop extends Optimizer {
  readonly alpha: number
  readonly eps: number
  readonly momentum: number
  readonly centered: boolean

  constructor(trained: Trained, options: RMSpropOptions = {}) {
    expectOptions('RMSprop', options, [...OPTIMIZER_OPTIONS, 'alpha', 'eps', 'momentum', 'centered'])
    const momentum = expectNumber('RMSprop', 'momentum', options.momentum ?? 0, 0)
    const centered = expectBoolean('RMSprop', 'centered', options.centered ?? false)
    const moments = ['square', ...(momentum > 0 ? ['velocity'] : []), ...(centered ? ['mean'] : [])]
    super('RMSprop', trained, { lr: 1e-2, weightDecay: 0, ...options }, moments)
    this.alpha = expectNumber('RMSprop', 'alpha', options.alpha ?? 0.99, 0, 1)
    this.eps = expectNumber('RMSprop', 'eps', options.eps ?? 1e-8, 0)
    this.momentum = momentum
    this.centered = centered
  }

  protected override begin(): void {}

  protected override update({ elements, weightDecay, value, grad }: Range, moment: (name: string) => number): void {
    const { lr, alpha, eps, momentum, centered } = this
    const velocity = momentum > 0 ? moment('velocity') : 0
    const mean = centered ? moment('mean') : 0
    const square = moment('square')
    const { core } = this.runtime
    core.rmsprop(elements, lr, alpha, eps, weightDecay, momentum, Number(centered), value, grad, square, velocity, mean)
  }

  protected override counters(): Float64Array {
    return new Float64Array(0)
  }

  protected override restoreCounters(): void {}
}
