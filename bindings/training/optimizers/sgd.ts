import { expectBoolean, expectNumber, expectOptions, fail } from '../../runtime/check.ts'
import { OPTIMIZER_OPTIONS, Optimizer, type OptimizerOptions } from './optimizer.ts'
import type { Range } from './slots.ts'
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

  constructor(trained: Trained, options: SGDOptions = {}) {
    expectOptions('SGD', options, [...OPTIMIZER_OPTIONS, 'momentum', 'dampening', 'nesterov'])
    const { momentum = 0, dampening = 0, nesterov = false } = options
    expectNumber('SGD', 'momentum', momentum, 0)
    expectNumber('SGD', 'dampening', dampening, 0)
    expectBoolean('SGD', 'nesterov', nesterov)
    if (nesterov && (momentum === 0 || dampening > 0)) fail('option', 'SGD: nesterov needs a momentum and no dampening')
    const memory = { moments: momentum > 0 ? ['velocity'] : [], counters: [0] }
    super('SGD', trained, { lr: 1e-3, weightDecay: 0, ...options }, memory)
    this.momentum = momentum
    this.dampening = dampening
    this.nesterov = nesterov
  }

  protected override update({ elements, weightDecay, value, grad, moments, parameters, counters }: Range): void {
    const { lr, momentum, dampening, nesterov } = this
    const { core } = this.runtime
    core.countSteps(parameters, counters)
    const velocity = moments['velocity'] ?? 0
    const ahead = Number(nesterov)
    core.sgd(elements, lr, momentum, dampening, weightDecay, ahead, counters, value, grad, velocity)
  }
}
