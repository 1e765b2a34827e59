import {
  describeValue,
  expectNumber,
  expectOneOf,
  expectOptions,
  expectShape,
  expectTensor,
  fail,
  shapeText,
} from '../runtime/check.ts'
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
  if (gradient === undefined || gradient.disposed)
    gradients.set(prediction, (gradient = prediction.runtime.emptyTensor(prediction.shape)))
  return gradient
}

/** Gives back the gradient kept for a prediction that is about to go. */
export function forgetGradient(prediction: Tensor): void {
  gradients.get(prediction)?.dispose()
  gradients.delete(prediction)
}

function checkPrediction(who: string, prediction: Tensor, options: LossOptions, own: readonly string[] = []): boolean {
  if (!(prediction instanceof Tensor)) fail('type', `${who}: prediction is not a tensor`)
  expectTensor(who, 'prediction', prediction, prediction.runtime)
  expectOptions(who, options, ['reduction', 'mask', ...own])
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

function expectTarget(who: string, prediction: Tensor, target: Tensor): void {
  expectTensor(who, 'target', target, prediction.runtime)
  if (shapeText(target.shape) === shapeText(prediction.shape)) return
  const expected = `expected the prediction's ${shapeText(prediction.shape)}`
  fail('shape', `${who}: target is ${shapeText(target.shape)}; ${expected}`)
}

/** The address of weights [columns], or 0 for ones. */
function weightAddress(who: string, name: string, weight: Tensor | undefined, columns: number, like: Tensor): number {
  if (weight === undefined) return 0
  expectTensor(who, name, weight, like.runtime)
  expectShape(who, name, weight.shape, [columns])
  return weight.address
}

/**
 * The mean (or sum) of (prediction - target)².
 *
 * @param target of the prediction's shape
 */
export function mseLoss(prediction: Tensor, target: Tensor, options: LossOptions = {}): Loss {
  const mean = checkPrediction('mseLoss', prediction, options)
  expectTarget('mseLoss', prediction, target)
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
 * The mean (or sum) of e²/2 for |e| <= delta, delta (|e| - delta/2) beyond, e = prediction - target.
 *
 * @param target of the prediction's shape
 * @see torch.nn.HuberLoss
 */
export function huberLoss(prediction: Tensor, target: Tensor, options: LossOptions & { delta?: number } = {}): Loss {
  const who = 'huberLoss'
  const mean = checkPrediction(who, prediction, options, ['delta'])
  const { delta = 1 } = options
  if (!(delta > 0)) fail('option', `${who}: delta is ${describeValue(delta)}; expected a number > 0`)
  expectTarget(who, prediction, target)
  const mask = maskAddress(who, options.mask, prediction.shape, prediction)
  const groups = options.mask ? options.mask.size : 1
  const grad = gradientFor(prediction)
  const { core } = prediction.runtime
  const size = prediction.size / groups
  const value = core.huber(groups, size, Number(mean), delta, prediction.address, target.address, mask, grad.address)
  return { value, grad }
}

export interface BceOptions extends LossOptions {
  /** [C], for logits [..., C]: a factor of each column's loss. */
  weight?: Tensor
  /** [C]: a factor of the positive answers' loss in each column. */
  posWeight?: Tensor
}

/**
 * The mean (or sum) of -[p y log σ(x) + (1 - y) log(1 - σ(x))], computed without overflow.
 *
 * @param logits any shape [..., C]
 * @param target of the same shape, in [0, 1]
 * @see torch.nn.BCEWithLogitsLoss
 */
export function bceWithLogitsLoss(logits: Tensor, target: Tensor, options: BceOptions = {}): Loss {
  const who = 'bceWithLogitsLoss'
  const mean = checkPrediction(who, logits, options, ['weight', 'posWeight'])
  expectTarget(who, logits, target)
  const columns = logits.shape.at(-1) ?? 1
  const mask = maskAddress(who, options.mask, logits.shape, logits)
  const weight = weightAddress(who, 'weight', options.weight, columns, logits)
  const positive = weightAddress(who, 'posWeight', options.posWeight, columns, logits)
  const groups = options.mask ? options.mask.size : 1
  const size = logits.size / groups
  const grad = gradientFor(logits)
  const { core } = logits.runtime
  const [x, y] = [logits.address, target.address]
  const value = core.binaryCrossEntropy(groups, size, Number(mean), columns, x, y, mask, weight, positive, grad.address)
  return { value, grad }
}

export interface CrossEntropyOptions extends LossOptions {
  /** [C]: a factor of each class's loss; the mean is then over the weights of the positions' classes. */
  weight?: Tensor
  /** Share of the answer spread evenly over all classes, in [0, 1]; 0 if left out. */
  labelSmoothing?: number
}

/**
 * The mean (or sum) over positions of -log softmax(logits)[id].
 *
 * @param logits [..., C]
 * @param ids class ids [...] in [0, C), from rt.indices
 */
export function crossEntropyLoss(logits: Tensor, ids: Tensor, options: CrossEntropyOptions = {}): Loss {
  const who = 'crossEntropyLoss'
  const mean = checkPrediction(who, logits, options, ['weight', 'labelSmoothing'])
  const smoothing = expectNumber(who, 'labelSmoothing', options.labelSmoothing ?? 0, 0, 1)
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
  const weight = weightAddress(who, 'weight', options.weight, classes, logits)
  const [x, y] = [logits.address, ids.address]
  const value = core.crossEntropy(rows, classes, Number(mean), smoothing, x, y, mask, weight, grad.address)
  return { value, grad }
}
