/** Small services on tensors that instruments share. */
import type { Runtime } from '../runtime/runtime.ts'
import type { Tensor } from '../runtime/tensor.ts'

export type Tensors = Readonly<Record<string, Tensor>>

export function disposeTensors(tensors: Tensors): void {
  for (const tensor of Object.values(tensors)) tensor.dispose()
}

/** The Euclidean norm of `size` numbers in the core's memory. */
export const normAt = ({ core }: Runtime, size: number, address: number): number =>
  core.squareRoot(core.dot(size, address, address))

/** Each sample `count` times, as rows i·B + b; `axis` is the batch's. */
export function repeatSamples(tensor: Tensor, axis: number, count: number): Tensor {
  const { runtime, shape } = tensor
  const batch = shape[axis]!
  const result = runtime.emptyTensor(shape.with(axis, count * batch))
  const indices = runtime.indices(Int32Array.from({ length: count * batch }, (_, row) => row % batch))
  const outer = shape.slice(0, axis).reduce((product, size) => product * size, 1)
  const bytes = (tensor.size / outer / batch) * runtime.elementBytes
  runtime.core.gatherRows(outer, batch, count * batch, bytes, bytes, indices.address, tensor.address, result.address)
  indices.dispose()
  return result
}
