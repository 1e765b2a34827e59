/** What a loss is: a function of a prediction and of what is wanted, that gives its value and its gradient by the prediction. */
import { describeValue, fail } from '../../runtime/check.ts'
import type { Tensor } from '../../runtime/tensor.ts'

export interface LossOptions {
  /** 'mean' (the default) over unmasked elements, or 'sum'. */
  reduction?: 'mean' | 'sum'
  /** Of the prediction's leading shape: 0 leaves an element (or a whole position) out, anything else keeps it. */
  mask?: Tensor
}

export interface Loss {
  readonly value: number
  /** Gradient by the prediction; lives until the next loss call on the same prediction. */
  readonly grad: Tensor
}

export type LossFunction = (prediction: Tensor, target: Tensor, options: LossOptions) => Loss

export function expectLoss(who: string, loss: unknown): void {
  if (typeof loss !== 'function') fail('type', `${who}: loss is ${describeValue(loss)}; expected a loss function`)
}
