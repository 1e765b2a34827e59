import { expectNumber, expectOptions, fail } from '../../runtime/check.ts'
import { OPTIMIZER_OPTIONS, Optimizer, type OptimizerOptions } from './optimizer.ts'
import type { Range } from './slots.ts'
import type { Trained } from './trained.ts'

export interface AdamOptions extends OptimizerOptions {
  /** Decay of the two moments; [0.9, 0.999] if left out. */
  betas?: readonly [number, number]
  /** 1e-8 if left out. */
  eps?: number
}

/** Counters: steps, β1^t and β2^t. */
const MEMORY = { moments: ['mean', 'square'], counters: [0, 1, 1] }

/** What Adam and AdamW share; they differ in where weight decay acts. */
abstract class AdamFamily extends Optimizer {
  readonly betas: readonly [number, number]
  readonly eps: number
  readonly #decoupled: boolean

  constructor(who: string, trained: Trained, options: AdamOptions, defaultDecay: number, decoupled: boolean) {
    expectOptions(who, options, [...OPTIMIZER_OPTIONS, 'betas', 'eps'])
    const { betas = [0.9, 0.999], eps = 1e-8 } = options
    const decays = expectBetas(who, betas)
    expectNumber(who, 'eps', eps, 0)
    super(who, trained, { lr: 1e-3, weightDecay: defaultDecay, ...options }, MEMORY)
    this.betas = decays
    this.eps = eps
    this.#decoupled = decoupled
  }

  protected override update({ elements, weightDecay, value, grad, moments, parameters, counters }: Range): void {
    const { lr, betas, eps } = this
    const { core } = this.runtime
    core.adamAdvance(parameters, betas[0], betas[1], counters)
    core.adam(
      elements,
      lr,
      betas[0],
      betas[1],
      eps,
      weightDecay,
      Number(this.#decoupled),
      counters,
      value,
      grad,
      moments['mean']!,
      moments['square']!,
    )
  }
}

function expectBetas(who: string, betas: unknown): readonly [number, number] {
  if (!Array.isArray(betas) || betas.length !== 2) fail('option', `${who}: betas is not a pair of numbers`)
  for (const beta of betas) {
    if (expectNumber(who, 'betas', beta, 0) >= 1)
      fail('option', `${who}: betas holds ${beta}; expected numbers in [0, 1)`)
  }
  return [betas[0], betas[1]]
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
