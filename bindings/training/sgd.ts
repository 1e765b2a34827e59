import type { ParameterBlock } from '../nn/parameters.ts'
import { expectNumber, expectOptions } from '../runtime/check.ts'
import { Optimizer } from './optimizer.ts'
import type { Trained } from './targets.ts'

export interface SGDOptions {
  /** 1e-3 if left out. */
  lr?: number
  /** 0 if left out. */
  momentum?: number
}

/** Stochastic gradient descent: v = momentum v + g; w -= lr v. @see torch.optim.SGD */
export class SGD extends Optimizer {
  readonly momentum: number
  #steps = 0

  constructor(trained: Trained, options: SGDOptions = {}) {
    expectOptions('SGD', options, ['lr', 'momentum'])
    const momentum = expectNumber('SGD', 'momentum', options.momentum ?? 0, 0)
    super('SGD', trained, expectNumber('SGD', 'lr', options.lr ?? 1e-3, 0), momentum > 0 ? ['velocity'] : [])
    this.momentum = momentum
  }

  protected override begin(): void {
    this.#steps++
  }

  protected override update({ elements, values, grads }: ParameterBlock, index: number): void {
    const velocity = this.momentum > 0 ? this.moment('velocity', index) : 0
    this.runtime.core.sgd(
      elements,
      this.lr,
      this.momentum,
      Number(this.#steps === 1),
      values.address,
      grads.address,
      velocity,
    )
  }

  protected override counters(): Float64Array {
    return new Float64Array([this.#steps])
  }

  protected override restoreCounters([steps]: ArrayLike<number> & Iterable<number>): void {
    this.#steps = steps!
  }
}
