import { fail } from '../../runtime/check.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { type Shape, Tensor, sizeOf } from '../../runtime/tensor.ts'
import type { SampleAxis } from './axes.ts'
import { GrowingMemory } from './growing-memory.ts'
import { type Span, copySteps, stepBytesOf, withSteps } from './steps.ts'

/** Samples by their positions. */
export interface Chosen {
  /** Address of their positions, 32-bit integers. */
  readonly indices: number
  readonly count: number
}

/** Picks samples, and steps of them, out of tensors, in the core. What it gives lives until the next is asked for. */
export class Gatherer {
  /** What messages call that out of which it picks. */
  readonly name: string
  readonly #memory: GrowingMemory

  constructor(runtime: Runtime, name: string) {
    this.name = name
    this.#memory = new GrowingMemory(runtime, 'a batch of samples')
  }

  /** @param chosen samples along `axis`; all in their order if left out @param span steps along the other axis; all if left out */
  gather(tensor: Tensor, axis: SampleAxis, chosen: Chosen | undefined, span?: Span): Tensor {
    if (!span) return this.samples(tensor, axis, chosen)
    this.#expectAlive(tensor)
    // a single sample has one order
    if (!chosen || tensor.shape[axis] === 1) return this.#steps(tensor, axis, span)
    const shape = withSteps(tensor.shape.with(axis, chosen.count), axis, span.to - span.from)
    return this.#pick(tensor, axis, chosen, shape, span.from * stepBytesOf(tensor, axis))
  }

  /** Along any axis. @param chosen all in their order if left out */
  samples(tensor: Tensor, axis: number, chosen: Chosen | undefined): Tensor {
    this.#expectAlive(tensor)
    if (!chosen || tensor.shape[axis] === 1) return tensor
    return this.#pick(tensor, axis, chosen, tensor.shape.with(axis, chosen.count), 0)
  }

  dispose(): void {
    this.#memory.dispose()
  }

  #expectAlive(tensor: Tensor): void {
    if (tensor.disposed) fail('disposed', `${this.name} was disposed of while it was gone through`)
  }

  /** @param skipped bytes before the first of what is picked of each sample */
  #pick(tensor: Tensor, axis: number, chosen: Chosen, shape: Shape, skipped: number): Tensor {
    const { runtime, kind } = tensor
    const batch = this.#memory.take(shape, kind)
    const bytesBehind = (axes: Shape) => sizeOf(axes.slice(axis + 1)) * runtime.bytesOf(kind)
    const [rowBytes, stride] = [bytesBehind(shape), bytesBehind(tensor.shape)]
    const [outer, samples] = [sizeOf(shape.slice(0, axis)), tensor.shape[axis]!]
    const source = tensor.address + skipped
    runtime.core.gatherRows(outer, samples, chosen.count, rowBytes, stride, chosen.indices, source, batch.address)
    return batch
  }

  /** Steps of all samples: read where they lie if they lie together. */
  #steps(tensor: Tensor, axis: SampleAxis, { from, to }: Span): Tensor {
    const { runtime, storage, address, kind } = tensor
    const shape = withSteps(tensor.shape, axis, to - from)
    if (axis === 1 || tensor.shape[0] === 1)
      return new Tensor(runtime, storage, address + from * stepBytesOf(tensor, axis), shape, kind)
    const copy = this.#memory.take(shape, kind)
    copySteps(axis, to - from, { tensor, at: from }, { tensor: copy, at: 0 })
    return copy
  }
}
