import type { Tensor } from '../../runtime/tensor.ts'
import { divided, elementsOf, expectPrediction, weightAddress } from './arguments.ts'
import { gradientFor } from './gradients.ts'
import type { Loss, LossOptions } from './loss.ts'

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
  const isMean = expectPrediction(who, logits, options, ['weight', 'posWeight'])
  const { groups, size, divisor, x, y, mask } = elementsOf(who, logits, target, options.mask)
  const columns = logits.shape.at(-1) ?? 1
  const weight = weightAddress(who, 'weight', options.weight, columns, logits)
  const positive = weightAddress(who, 'posWeight', options.posWeight, columns, logits)
  const grad = gradientFor(logits)
  const { core } = logits.runtime
  const mean = Number(isMean)
  const value = core.binaryCrossEntropy(groups, size, mean, columns, x, y, mask, weight, positive, grad.address)
  return { value, grad, ...divided(isMean, divisor) }
}
