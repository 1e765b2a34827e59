import { expectBoolean, expectNumber, expectOptions, fail } from '../../runtime/check.ts'
import { OPTIMIZER_OPTIONS, Optimizer, type OptimizerOptions, type Range } from './optimizer.ts'
import type { Trained } from './trained.ts'

export interface SGDOptions extends OptimizerOptions {
  /** 0 if left out. */
  momentum?: number
  /** 0 if left out. */
  dampening?: number
  /** Look ahead along the momentum; false if left out. */
  nesterov?: boolean
}

/** Stochastic gradient descent: v = momentum v + g; w -= lr v. lr 1e-3. @see torch.optim.SGD */
export class SGD extends Optimizer {
  readonly momentum: number
  readonly dampening: number
  readonly nesterov: boolean
  #steps = 0

  constructor(trained: Trained, options: SGDOptions = {}) {
    expectOptions('SGD', options, [...OPTIMIZER_OPTIONS, 'momentum', 'dampening', 'nesterov'])
    const momentum = expectNumber('SGD', 'momentum', options.momentum ?? 0, 0)
    super('SGD', trained, { lr: 1e-3, weightDecay: 0, ...options }, momentum > 0 ? ['velocity'] : [])
    this.momentum = momentum
    this.dampening = expectNumber('SGD', 'dampening', options.dampening ?? 0, 0)
    this.nesterov = expectBoolean('SGD', 'nesterov', options.nesterov ?? false)
    if (this.nesterov && (momentum === 0 || this.dampening > 0)) {
      fail('option', 'SGD: nesterov needs a momentum and no dampening')
    }
  }

  protected override begin(): void {
    this.#steps++
  }

  protected override update({ elements, weightDecay, value, grad }: Range, moment: (name: string) => number): void {
    const { lr, momentum, dampening, nesterov } = this
    const velocity = momentum > 0 ? moment('velocity') : 0
    const first = Number(this.#steps === 1)
    this.runtime.core.sgd(
      elements,
      lr,
      momentum,
      dampening,
      weightDecay,
      Number(nesterov),
      first,
      value,
      grad,
      velocity,
    )
  }

  protected override counters(): Float64Array {
    return new Float64Array([this.#steps])
  }

  protected override restoreCounters([steps]: readonly number[]): void {
    this.#steps = steps!
  }
}
