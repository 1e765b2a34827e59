import type { Allocation } from '../runtime/heap.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Tensor } from '../runtime/tensor.ts'
import type { State } from './state.ts'

/** A copy of a state, to be put back where a step that overwrites it is refused half-way. */
export class SavedState {
  readonly #runtime: Runtime
  readonly #who: string
  #copy: Allocation | undefined

  constructor(runtime: Runtime, who: string) {
    this.#runtime = runtime
    this.#who = who
  }

  save(state: State): void {
    const bytes = this.#bytesOf(state)
    if (this.#copy === undefined || this.#copy.bytes < bytes) {
      this.dispose()
      this.#copy = this.#runtime.heap.allocate(bytes, `${this.#who}: a copy of the state`)
    }
    this.#each(state, this.#copy.address, ({ address }, at, size) => {
      this.#runtime.core.copyBytes(at, address, size)
    })
  }

  /** Puts back what was saved last, of the same state. */
  restore(state: State): void {
    this.#each(state, this.#copy!.address, ({ address }, at, size) => {
      this.#runtime.core.copyBytes(address, at, size)
    })
  }

  dispose(): void {
    this.#copy?.dispose()
    this.#copy = undefined
  }

  #bytesOf(state: State): number {
    return this.#each(state, 0, () => {})
  }

  /** Goes through the tensors, each with its place behind the one before; gives where the last one ends. */
  #each(state: State, at: number, see: (tensor: Tensor, at: number, bytes: number) => void): number {
    if (Array.isArray(state)) {
      for (const entry of state) if (entry) at = this.#each(entry, at, see)
      return at
    }
    for (const name in state) {
      const tensor = state[name]!
      const bytes = tensor.size * this.#runtime.elementBytes
      see(tensor, at, bytes)
      at += bytes
    }
    return at
  }
}
