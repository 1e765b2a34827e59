import type { Tensor } from '../../runtime/tensor.ts'
import { divided, elementsOf, expectPrediction } from './arguments.ts'
import { gradientFor } from './gradients.ts'
import type { Loss, LossOptions } from './loss.ts'

/**
 * The mean (or sum) of (prediction - target)².
 *
 * @param target of the prediction's shape
 */
export function mseLoss(prediction: Tensor, target: Tensor, options: LossOptions = {}): Loss {
  const isMean = expectPrediction('mseLoss', prediction, options)
  const { groups, size, divisor, x, y, mask } = elementsOf('mseLoss', prediction, target, options.mask)
  const grad = gradientFor(prediction)
  const { core } = prediction.runtime
  const value = core.meanSquaredError(groups, size, Number(isMean), x, y, mask, grad.address)
  return { value, grad, ...divided(isMean, divisor) }
}
