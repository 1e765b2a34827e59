import type { Allocation } from '../runtime/heap.ts'
import type { Runtime } from '../runtime/runtime.ts'
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
    const bytes = bytesOf(state)
    if (this.#copy === undefined || this.#copy.bytes < bytes) {
      this.dispose()
      this.#copy = this.#runtime.heap.allocate(bytes, `${this.#who}: a copy of the state`)
    }
    copy(state, this.#copy.address, false)
  }

  /** Puts back what was saved last, of the same state. */
  restore(state: State): void {
    copy(state, this.#copy!.address, true)
  }

  dispose(): void {
    this.#copy?.dispose()
    this.#copy = undefined
  }
}

function bytesOf(state: State): number {
  let bytes = 0
  if (Array.isArray(state)) for (const entry of state) bytes += entry ? bytesOf(entry) : 0
  else for (const name in state) bytes += state[name]!.size * state[name]!.runtime.elementBytes
  return bytes
}

/** Copies the tensors out to `at`, or back in, behind each other; gives where the last one ends. */
function copy(state: State, at: number, back: boolean): number {
  if (Array.isArray(state)) {
    for (const entry of state) if (entry) at = copy(entry, at, back)
    return at
  }
  for (const name in state) {
    const { runtime, address, size } = state[name]!
    const bytes = size * runtime.elementBytes
    if (back) runtime.core.copyBytes(address, at, bytes)
    else runtime.core.copyBytes(at, address, bytes)
    at += bytes
  }
  return at
}
