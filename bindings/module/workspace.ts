import { shapeText } from '../runtime/check.ts'
import type { Allocation } from '../runtime/heap.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { type ElementKind, type Shape, Tensor, sizeOf } from '../runtime/tensor.ts'

/** A result's memory, kept until another shape is asked for. */
export class Workspace {
  readonly #runtime: Runtime
  readonly #who: string
  readonly #kind: ElementKind
  #tensor: Tensor | undefined
  /** Results that live until their tape is disposed of. */
  readonly #lent = new Set<Tensor>()

  constructor(runtime: Runtime, who: string, kind: ElementKind = 'float') {
    this.#runtime = runtime
    this.#who = who
    this.#kind = kind
  }

  /** A tensor of the shape; what was there before is gone if the shape is another. */
  take(shape: Shape): Tensor {
    if (this.#tensor && shapeText(this.#tensor.shape) === shapeText(shape)) return this.#tensor
    const tensor = this.#make(shape)
    this.#tensor?.storage.dispose()
    this.#tensor = tensor
    return tensor
  }

  /** A tensor of its own, until it is given back. */
  lend(shape: Shape): { tensor: Tensor; giveBack: () => void } {
    const tensor = this.#make(shape)
    this.#lent.add(tensor)
    return {
      tensor,
      giveBack: () => {
        if (this.#lent.delete(tensor)) tensor.storage.dispose()
      },
    }
  }

  owns(storage: Allocation): boolean {
    return this.#tensor?.storage === storage || [...this.#lent].some((tensor) => tensor.storage === storage)
  }

  dispose(): void {
    this.#tensor?.storage.dispose()
    for (const tensor of this.#lent) tensor.storage.dispose()
    this.#lent.clear()
  }

  #make(shape: Shape): Tensor {
    const bytes = sizeOf(shape) * this.#runtime.bytesOf(this.#kind)
    const storage = this.#runtime.heap.allocateZeros(bytes, `${this.#who}: the workspace for ${shapeText(shape)}`)
    return new Tensor(this.#runtime, storage, storage.address, shape, this.#kind)
  }
}
