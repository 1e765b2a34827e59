import { expectNumber, expectOptions, fail } from '../../runtime/check.ts'
import type { Allocation } from '../../runtime/heap.ts'
import { OPTIMIZER_OPTIONS, Optimizer, type OptimizerOptions, type Range } from './optimizer.ts'
import type { Trained } from './trained.ts'

export interface AdamOptions extends OptimizerOptions {
  /** Decay of the two moments; [0.9, 0.999] if left out. */
  betas?: readonly [number, number]
  /** 1e-8 if left out. */
  eps?: number
}

/** What Adam and AdamW share; they differ in where weight decay acts. */
abstract class AdamFamily extends Optimizer {
  readonly betas: readonly [number, number]
  readonly eps: number
  readonly #decoupled: boolean
  /** Steps, β1^t and β2^t, kept in the core as float64. */
  readonly #products: Allocation

  constructor(who: string, trained: Trained, options: AdamOptions, defaultDecay: number, decoupled: boolean) {
    expectOptions(who, options, [...OPTIMIZER_OPTIONS, 'betas', 'eps'])
    const { betas = [0.9, 0.999] } = options
    if (!Array.isArray(betas) || betas.length !== 2) fail('option', `${who}: betas is not a pair of numbers`)
    for (const beta of betas) {
      if (expectNumber(who, 'betas', beta, 0) >= 1)
        fail('option', `${who}: betas holds ${beta}; expected numbers in [0, 1)`)
    }
    super(who, trained, { lr: 1e-3, weightDecay: defaultDecay, ...options }, ['mean', 'square'])
    this.betas = [betas[0]!, betas[1]!]
    this.eps = expectNumber(who, 'eps', options.eps ?? 1e-8, 0)
    this.#decoupled = decoupled
    this.#products = this.runtime.heap.allocate(24, 'optimiser state')
    this.restoreCounters([0, 1, 1])
  }

  protected override begin(): void {
    this.runtime.core.adamAdvance(this.#products.address, ...this.betas)
  }

  protected override update({ elements, weightDecay, value, grad }: Range, moment: (name: string) => number): void {
    const { lr, betas, eps } = this
    this.runtime.core.adam(
      elements,
      lr,
      betas[0],
      betas[1],
      eps,
      weightDecay,
      Number(this.#decoupled),
      this.#products.address,
      value,
      grad,
      moment('mean'),
      moment('square'),
    )
  }

  protected override counters(): Float64Array {
    return new Float64Array(this.runtime.heap.buffer, this.#products.address, 3).slice()
  }

  protected override restoreCounters(counters: readonly number[]): void {
    new Float64Array(this.runtime.heap.buffer, this.#products.address, 3).set(counters)
  }
}

/** Adam; weight decay (0 if left out) is added to the gradient. @see Kingma and Ba 2015, https://arxiv.org/abs/1412.6980; torch.optim.Adam */
export class Adam extends AdamFamily {
  constructor(trained: Trained, options: AdamOptions = {}) {
    super('Adam', trained, options, 0, false)
  }
}

/** Adam with decoupled weight decay (1e-2 if left out). @see Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101; torch.optim.AdamW */
export class AdamW extends AdamFamily {
  constructor(trained: Trained, options: AdamOptions = {}) {
    super('AdamW', trained, options, 1e-2, true)
  }
}
