import type { Tensor } from '../../runtime/tensor.ts'

/** Gradients by prediction, so that a steady training step makes none anew. */
const gradients = new WeakMap<Tensor, Tensor>()

export function gradientFor(prediction: Tensor): Tensor {
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
