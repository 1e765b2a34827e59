/** Steps of tensors whose samples lie along axis 0 or 1: where they are, copies of some of them, and memory for such copies. */
import type { Allocation } from '../../runtime/heap.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { type ElementKind, type Shape, Tensor, sizeOf } from '../../runtime/tensor.ts'

/** Steps [from, to). */
export interface Span {
  readonly from: number
  readonly to: number
}

/** The axis of samples: 1 where time is first, 0 where it comes after them. */
export type SampleAxis = 0 | 1

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

/** Memory for one tensor at a time; it grows to the largest that was asked for. */
export class Room {
  readonly #runtime: Runtime
  readonly #who: string
  #storage: Allocation | undefined
  #bytes = 0

  constructor(runtime: Runtime, who: string) {
    this.#runtime = runtime
    this.#who = who
  }

  /** A tensor of the shape, in place of the one before; its elements are of no meaning. */
  take(shape: Shape, kind: ElementKind): Tensor {
    const bytes = sizeOf(shape) * this.#runtime.bytesOf(kind)
    if (this.#storage === undefined || bytes > this.#bytes) {
      this.dispose()
      this.#storage = this.#runtime.heap.allocateZeros(bytes, this.#who)
      this.#bytes = bytes
    }
    return new Tensor(this.#runtime, this.#storage, this.#storage.address, shape, kind)
  }

  dispose(): void {
    this.#storage?.dispose()
    this.#storage = undefined
  }
}
