import { describeValue, fail } from '../../runtime/check.ts'
import type { Tensor } from '../../runtime/tensor.ts'
import { divided, elementsOf, expectPrediction } from './arguments.ts'
import { gradientFor } from './gradients.ts'
import type { Loss, LossOptions } from './loss.ts'

/**
 * The mean (or sum) of e²/2 for |e| <= delta, delta (|e| - delta/2) beyond, e = prediction - target.
 *
 * @param target of the prediction's shape
 * @see torch.nn.HuberLoss
 */
export function huberLoss(prediction: Tensor, target: Tensor, options: LossOptions & { delta?: number } = {}): Loss {
  const who = 'huberLoss'
  const isMean = expectPrediction(who, prediction, options, ['delta'])
  const { delta = 1 } = options
  if (!(delta > 0)) fail('option', `${who}: delta is ${describeValue(delta)}; expected a number > 0`)
  const { groups, size, divisor, x, y, mask } = elementsOf(who, prediction, target, options.mask)
  const grad = gradientFor(prediction)
  const { core } = prediction.runtime
  const value = core.huber(groups, size, Number(isMean), delta, x, y, mask, grad.address)
  return { value, grad, ...divided(isMean, divisor) }
}
