/** What losses check of their arguments, and as what the core gets them. */
import { expectOneOf, expectOptions, expectShape, expectTensor, fail, shapeText } from '../../runtime/check.ts'
import { type Shape, Tensor } from '../../runtime/tensor.ts'
import type { Loss, LossOptions } from './loss.ts'

/**
 * Refuses what is no prediction, and options that are unknown.
 *
 * @param own options of this loss alone
 * @returns is the loss a mean?
 */
export function expectPrediction(
  who: string,
  prediction: Tensor,
  options: LossOptions,
  own: readonly string[] = [],
): boolean {
  if (!(prediction instanceof Tensor)) fail('type', `${who}: prediction is not a tensor`)
  expectTensor(who, 'prediction', prediction, prediction.runtime)
  expectOptions(who, options, ['reduction', 'mask', ...own])
  if (prediction.size === 0)
    fail('shape', `${who}: prediction is ${shapeText(prediction.shape)}; expected at least one element`)
  return expectOneOf(who, 'reduction', options.reduction ?? 'mean', ['mean', 'sum']) === 'mean'
}

/** The mask's address, or 0; its shape must be the first axes of `leading`. */
export function maskAddress(who: string, mask: Tensor | undefined, leading: Shape, prediction: Tensor): number {
  if (mask === undefined) return 0
  expectTensor(who, 'mask', mask, prediction.runtime)
  const fits = mask.shape.length <= leading.length && mask.shape.every((size, i) => size === leading[i])
  if (!fits) fail('shape', `${who}: mask is ${shapeText(mask.shape)}; expected the first axes of ${shapeText(leading)}`)
  const bad = mask.runtime.core.firstBadWeight(mask.size, mask.address)
  if (bad < mask.size)
    fail('range', `${who}: mask holds ${mask.data[bad]} at position ${bad}; expected finite weights >= 0`)
  return mask.address
}

/** How a loss tells what it was, or would have been, divided by. */
export const divided = (isMean: boolean, divisor: number): Pick<Loss, 'divisor' | 'reduction'> => ({
  divisor,
  reduction: isMean ? 'mean' : 'sum',
})

/** The address of weights [columns], or 0 for ones. */
export function weightAddress(
  who: string,
  name: string,
  weight: Tensor | undefined,
  columns: number,
  like: Tensor,
): number {
  if (weight === undefined) return 0
  expectTensor(who, name, weight, like.runtime)
  expectShape(who, name, weight.shape, [columns])
  return weight.address
}

/** What the core gets of a loss over elements, whose target has the prediction's shape. */
export interface Elements {
  /** Groups of `size` elements side by side, one to each entry of the mask. */
  readonly groups: number
  readonly size: number
  /** Σ of the mask's weights, over elements. */
  readonly divisor: number
  /** Addresses; no mask is 0. */
  readonly x: number
  readonly y: number
  readonly mask: number
}

export function elementsOf(who: string, prediction: Tensor, target: Tensor, mask: Tensor | undefined): Elements {
  expectTensor(who, 'target', target, prediction.runtime)
  if (shapeText(target.shape) !== shapeText(prediction.shape)) {
    const expected = `expected the prediction's ${shapeText(prediction.shape)}`
    fail('shape', `${who}: target is ${shapeText(target.shape)}; ${expected}`)
  }
  const address = maskAddress(who, mask, prediction.shape, prediction)
  const groups = mask ? mask.size : 1
  const size = prediction.size / groups
  const divisor = size * prediction.runtime.core.maskTotal(groups, address)
  return { groups, size, divisor, x: prediction.address, y: target.address, mask: address }
}
