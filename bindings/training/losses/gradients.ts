import type { Tensor } from '../../runtime/tensor.ts'

/** Gradients by prediction, so that a steady training step makes none anew. */
const gradients = new WeakMap<Tensor, Tensor>()

/** The gradient's memory ends with the prediction's. */
export function gradientFor(prediction: Tensor): Tensor {
  const kept = gradients.get(prediction)
  if (kept && !kept.disposed) return kept
  const gradient = prediction.runtime.emptyTensor(prediction.shape)
  prediction.storage.take(gradient.storage)
  gradients.set(prediction, gradient)
  return gradient
}
