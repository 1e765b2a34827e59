import type { ParameterBlock } from '../nn/parameters.ts'
import { expectNumber, expectOptions, fail } from '../runtime/check.ts'
import type { Allocation } from '../runtime/heap.ts'
import { Optimizer } from './optimizer.ts'
import type { Trained } from './targets.ts'

export interface AdamOptions {
  /** 1e-3 if left out. */
  lr?: number
  /** Decay of the two moments; [0.9, 0.999] if left out. */
  betas?: readonly [number, number]
  /** 1e-8 if left out. */
  eps?: number
}

/** Adam. @see Kingma and Ba 2015, https://arxiv.org/abs/1412.6980; torch.optim.Adam */
export class Adam extends Optimizer {
  readonly betas: readonly [number, number]
  readonly eps: number
  /** Steps, β1^t and β2^t, kept in the core as float64. */
  readonly #products: Allocation

  constructor(trained: Trained, options: AdamOptions = {}) {
    expectOptions('Adam', options, ['lr', 'betas', 'eps'])
    const { betas = [0.9, 0.999] } = options
    if (!Array.isArray(betas) || betas.length !== 2) fail('option', 'Adam: betas is not a pair of numbers')
    for (const beta of betas) {
      if (expectNumber('Adam', 'betas', beta, 0) >= 1)
        fail('option', `Adam: betas holds ${beta}; expected numbers in [0, 1)`)
    }
    const eps = expectNumber('Adam', 'eps', options.eps ?? 1e-8, 0)
    super('Adam', trained, expectNumber('Adam', 'lr', options.lr ?? 1e-3, 0), ['mean', 'square'])
    this.betas = [betas[0]!, betas[1]!]
    this.eps = eps
    this.#products = this.runtime.heap.allocate(24, 'optimiser state')
    this.restoreCounters([0, 1, 1])
  }

  protected override begin(): void {
    this.runtime.core.adamAdvance(this.#products.address, ...this.betas)
  }

  protected override update({ elements, values, grads }: ParameterBlock, index: number): void {
    const [mean, square] = [this.moment('mean', index), this.moment('square', index)]
    this.runtime.core.adam(
      elements,
      this.lr,
      this.betas[0],
      this.betas[1],
      this.eps,
      this.#products.address,
      values.address,
      grads.address,
      mean,
      square,
    )
  }

  protected override counters(): Float64Array {
    return new Float64Array(this.runtime.heap.buffer, this.#products.address, 3).slice()
  }

  protected override restoreCounters(counters: ArrayLike<number>): void {
    new Float64Array(this.runtime.heap.buffer, this.#products.address, 3).set(counters)
  }
}
