import { shapeText } from '../runtime/check.ts'
import type { Allocation } from '../runtime/heap.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { type Shape, Tensor, sizeOf } from '../runtime/tensor.ts'

/** A result's memory, kept until another shape is asked for. */
export class Workspace {
  readonly #runtime: Runtime
  readonly #who: string
  #tensor: Tensor | undefined

  constructor(runtime: Runtime, who: string) {
    this.#runtime = runtime
    this.#who = who
  }

  /** A tensor of the shape; what was there before is gone if the shape is another. */
  take(shape: Shape): Tensor {
    if (this.#tensor && shapeText(this.#tensor.shape) === shapeText(shape)) return this.#tensor
    const bytes = sizeOf(shape) * this.#runtime.elementBytes
    const storage = this.#runtime.heap.allocateZeros(bytes, `${this.#who}: the workspace for ${shapeText(shape)}`)
    this.#tensor?.storage.dispose()
    this.#tensor = new Tensor(this.#runtime, storage, storage.address, shape, 'float')
    return this.#tensor
  }

  owns(storage: Allocation): boolean {
    return this.#tensor?.storage === storage
  }

  dispose(): void {
    this.#tensor?.storage.dispose()
  }
}
