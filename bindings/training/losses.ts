import { expectOneOf, expectOptions, expectTensor, fail, shapeText } from '../runtime/check.ts'
import { type Shape, Tensor, sizeOf } from '../runtime/tensor.ts'

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

/** Gradients by prediction, so that a steady training step makes none anew. */
const gradients = new WeakMap<Tensor, Tensor>()

function gradientFor(prediction: Tensor): Tensor {
  let gradient = gradients.get(prediction)
  if (gradient === undefined) gradients.set(prediction, (gradient = prediction.runtime.emptyTensor(prediction.shape)))
  return gradient
}

function checkPrediction(who: string, prediction: Tensor, options: LossOptions): boolean {
  if (!(prediction instanceof Tensor)) fail('type', `${who}: prediction is not a tensor`)
  expectTensor(who, 'prediction', prediction, prediction.runtime)
  expectOptions(who, options, ['reduction', 'mask'])
  if (prediction.size === 0)
    fail('shape', `${who}: prediction is ${shapeText(prediction.shape)}; expected at least one element`)
  return expectOneOf(who, 'reduction', options.reduction ?? 'mean', ['mean', 'sum']) === 'mean'
}

/** The mask's address, or 0; its shape must be the first axes of `leading`. */
function maskAddress(who: string, mask: Tensor | undefined, leading: Shape, prediction: Tensor): number {
  if (mask === undefined) return 0
  expectTensor(who, 'mask', mask, prediction.runtime)
  const fits = mask.shape.length <= leading.length && mask.shape.every((size, i) => size === leading[i])
  if (!fits) fail('shape', `${who}: mask is ${shapeText(mask.shape)}; expected the first axes of ${shapeText(leading)}`)
  return mask.address
}

/**
 * The mean (or sum) of (prediction - target)².
 *
 * @param target of the prediction's shape
 */
export function mseLoss(prediction: Tensor, target: Tensor, options: LossOptions = {}): Loss {
  const mean = checkPrediction('mseLoss', prediction, options)
  expectTensor('mseLoss', 'target', target, prediction.runtime)
  if (shapeText(target.shape) !== shapeText(prediction.shape)) {
    fail(
      'shape',
      `mseLoss: target is ${shapeText(target.shape)}; expected the prediction's ${shapeText(prediction.shape)}`,
    )
  }
  const mask = maskAddress('mseLoss', options.mask, prediction.shape, prediction)
  const groups = options.mask ? options.mask.size : 1
  const grad = gradientFor(prediction)
  const { core } = prediction.runtime
  const size = prediction.size / groups
  return {
    value: core.meanSquaredError(groups, size, Number(mean), prediction.address, target.address, mask, grad.address),
    grad,
  }
}

/**
 * The mean (or sum) over positions of -log softmax(logits)[id].
 *
 * @param logits [..., C]
 * @param ids class ids [...] in [0, C), from rt.indices
 */
export function crossEntropyLoss(logits: Tensor, ids: Tensor, options: LossOptions = {}): Loss {
  const who = 'crossEntropyLoss'
  const mean = checkPrediction(who, logits, options)
  expectTensor(who, 'ids', ids, logits.runtime, 'int32')
  const leading = logits.shape.slice(0, -1)
  const classes = logits.shape.at(-1)!
  if (shapeText(ids.shape) !== shapeText(leading))
    fail(
      'shape',
      `${who}: ids is ${shapeText(ids.shape)}; expected ${shapeText(leading)} for logits ${shapeText(logits.shape)}`,
    )
  const mask = maskAddress(who, options.mask, leading, logits)
  const rows = sizeOf(leading)
  if (options.mask && options.mask.size !== rows)
    fail('shape', `${who}: mask is ${shapeText(options.mask.shape)}; expected ${shapeText(leading)}`)
  const { core } = logits.runtime
  const bad = core.firstBadId(rows, classes, ids.address, mask)
  if (bad < rows)
    fail('range', `${who}: id ${ids.data[bad]} at position ${bad} is out of range; expected 0 to ${classes - 1}`)
  const grad = gradientFor(logits)
  return {
    value: core.crossEntropy(rows, classes, Number(mean), logits.address, ids.address, mask, grad.address),
    grad,
  }
}
