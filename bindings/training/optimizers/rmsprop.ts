import { expectBoolean, expectNumber, expectOptions } from '../../runtime/check.ts'
import { OPTIMIZER_OPTIONS, Optimizer, type OptimizerOptions } from './optimizer.ts'
import type { Range } from './slots.ts'
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
    const { momentum = 0, centered = false, alpha = 0.99, eps = 1e-8 } = options
    expectNumber('RMSprop', 'momentum', momentum, 0)
    expectBoolean('RMSprop', 'centered', centered)
    expectNumber('RMSprop', 'alpha', alpha, 0, 1)
    expectNumber('RMSprop', 'eps', eps, 0)
    const moments = ['square', ...(momentum > 0 ? ['velocity'] : []), ...(centered ? ['mean'] : [])]
    super('RMSprop', trained, { lr: 1e-2, weightDecay: 0, ...options }, { moments, counters: [] })
    this.alpha = alpha
    this.eps = eps
    this.momentum = momentum
    this.centered = centered
  }

  protected override update({ elements, weightDecay, value, grad, moments }: Range): void {
    const { lr, alpha, eps, momentum, centered } = this
    const { square, velocity = 0, mean = 0 } = moments
    const { core } = this.runtime
    const isCentered = Number(centered)
    core.rmsprop(elements, lr, alpha, eps, weightDecay, momentum, isCentered, value, grad, square!, velocity, mean)
  }
}
