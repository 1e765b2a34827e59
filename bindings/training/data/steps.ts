/** Steps of tensors whose samples lie along axis 0 or 1: where they are, and copies of some of them. */
import { type Shape, type Tensor, sizeOf } from '../../runtime/tensor.ts'
import type { SampleAxis } from './axes.ts'

/** Steps [from, to). */
export interface Span {
  readonly from: number
  readonly to: number
}

/** Bytes from a step to the next: of all samples where time is first, else of one. */
export function stepBytesOf(tensor: Tensor, axis: SampleAxis): number {
  const { shape, kind, runtime } = tensor
  return sizeOf(shape.slice(axis === 1 ? 1 : 2)) * runtime.bytesOf(kind)
}

/** The shape with so many steps. */
export const withSteps = (shape: Shape, axis: SampleAxis, steps: number): Shape => shape.with(1 - axis, steps)

/** Copies `count` steps of `source` to another tensor of as many samples. */
export function copySteps(
  axis: SampleAxis,
  count: number,
  source: { tensor: Tensor; at: number },
  target: { tensor: Tensor; at: number },
): void {
  const bytes = stepBytesOf(source.tensor, axis)
  const rows = axis === 1 ? 1 : source.tensor.shape[0]!
  const place = ({ tensor, at }: typeof source) =>
    [tensor.address + at * bytes, tensor.shape[1 - axis]! * bytes] as const
  const { core } = source.tensor.runtime
  core.copyRows(rows, count * bytes, ...place(source), ...place(target))
}
