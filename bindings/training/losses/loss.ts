/** What a loss is: a function of a prediction and of what is wanted, that gives its value and its gradient by the prediction. */
import { describeValue, fail } from '../../runtime/check.ts'
import type { Tensor } from '../../runtime/tensor.ts'

export interface LossOptions {
  /** 'mean' (the default): Σ m ℓ / Σ m, 0 where Σ m is 0; or 'sum': Σ m ℓ. */
  reduction?: 'mean' | 'sum'
  /** m, a weight >= 0 for each element (or each position) of the prediction's leading shape; 1 if left out. 0 leaves it out: it is not read. */
  mask?: Tensor
}

export interface Loss {
  readonly value: number
  /** Gradient by the prediction; lives until the next loss call on the same prediction. */
  readonly grad: Tensor
  /**
   * Σ m over elements, or over positions with their classes' weights: what a mean is divided by, so that means of parts make that of the
   * whole. A loss of one's own may leave it out; it is Σ m over the prediction's elements then.
   */
  readonly divisor?: number
  /** 'sum' where nothing was divided; 'mean' if left out. */
  readonly reduction?: 'mean' | 'sum'
}

export type LossFunction = (prediction: Tensor, target: Tensor, options: LossOptions) => Loss

export function expectLoss(who: string, loss: unknown): void {
  if (typeof loss !== 'function') fail('type', `${who}: loss is ${describeValue(loss)}; expected a loss function`)
}
