import type { Allocation } from '../../runtime/heap.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { type ElementKind, type Shape, Tensor, sizeOf } from '../../runtime/tensor.ts'

/** Memory for one tensor at a time; it grows to the largest that was asked for. */
export class GrowingMemory {
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
