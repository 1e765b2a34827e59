import { expectNumber, expectTensor, fail, shapeText } from '../../runtime/check.ts'
import { type Shape, type Tensor, sizeOf } from '../../runtime/tensor.ts'
import { divided, expectPrediction, maskAddress, weightAddress } from './arguments.ts'
import { gradientFor } from './gradients.ts'
import type { Loss, LossOptions } from './loss.ts'

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
  const isMean = expectPrediction(who, logits, options, ['weight', 'labelSmoothing'])
  const smoothing = expectNumber(who, 'labelSmoothing', options.labelSmoothing ?? 0, 0, 1)
  const leading = logits.shape.slice(0, -1)
  const [rows, classes] = [sizeOf(leading), logits.shape.at(-1)!]
  expectIdPerRow(who, logits, ids, leading)
  const mask = rowMaskAddress(who, options.mask, leading, logits)
  const { core } = logits.runtime
  const bad = core.firstBadId(rows, classes, ids.address, mask)
  if (bad < rows)
    fail('range', `${who}: id ${ids.data[bad]} at position ${bad} is out of range; expected 0 to ${classes - 1}`)
  const grad = gradientFor(logits)
  const weight = weightAddress(who, 'weight', options.weight, classes, logits)
  const [x, y] = [logits.address, ids.address]
  const value = core.crossEntropy(rows, classes, Number(isMean), smoothing, x, y, mask, weight, grad.address)
  return { value, grad, ...divided(isMean, core.classTotal(rows, y, mask, weight)) }
}

function expectIdPerRow(who: string, logits: Tensor, ids: Tensor, leading: Shape): void {
  expectTensor(who, 'ids', ids, logits.runtime, 'int32')
  if (shapeText(ids.shape) === shapeText(leading)) return
  const expected = `expected ${shapeText(leading)} for logits ${shapeText(logits.shape)}`
  fail('shape', `${who}: ids is ${shapeText(ids.shape)}; ${expected}`)
}

/** As `maskAddress`, of a mask with an entry for every row. */
function rowMaskAddress(who: string, mask: Tensor | undefined, leading: Shape, logits: Tensor): number {
  const address = maskAddress(who, mask, leading, logits)
  if (mask && mask.size !== sizeOf(leading))
    fail('shape', `${who}: mask is ${shapeText(mask.shape)}; expected ${shapeText(leading)}`)
  return address
}
