/** States kept for a while, first in, first out; their memory is used again. */
import { type State, cloneState, stateTensors } from '../module/state.ts'
import { shapeText } from '../runtime/check.ts'

export class StateQueue {
  #kept: (State | undefined)[] = []
  #free: (State | undefined)[] = []

  /** Keeps a copy. */
  push(state: State | undefined): void {
    const old = this.#free.pop()
    if (copyState(state, old)) {
      this.#kept.push(old)
      return
    }
    disposeState(old)
    this.#kept.push(cloneState(state))
  }

  /** The state that was kept first; to be given back by `release`. */
  take(): State | undefined {
    return this.#kept.shift()
  }

  release(state: State | undefined): void {
    this.#free.push(state)
  }

  clear(): void {
    for (const state of this.#kept.splice(0)) this.#free.push(state)
  }

  dispose(): void {
    this.clear()
    for (const state of this.#free.splice(0)) disposeState(state)
  }
}

/** Copies a state over another one. @returns whether they are of one form */
function copyState(from: State | undefined, to: State | undefined): boolean {
  const [sources, targets] = [stateTensors(from), stateTensors(to)]
  const form = (tensors: typeof sources) => tensors.map(([path, { shape }]) => path + shapeText(shape)).join()
  if (form(sources) !== form(targets)) return false
  for (const [i, [, { runtime, address, size, kind }]] of sources.entries())
    runtime.core.copyBytes(targets[i]![1].address, address, size * runtime.bytesOf(kind))
  return true
}

function disposeState(state: State | undefined): void {
  for (const [, tensor] of stateTensors(state)) tensor.dispose()
}
