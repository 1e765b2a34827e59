import { shapeText } from '../runtime/check.ts'
import type { Scope } from '../runtime/scope.ts'
import { Tensor } from '../runtime/tensor.ts'
import { type NamedStates, mapStates } from './state.ts'

/**
 * Results that are handed back in are copied first: the call that reads them writes where they lie. So is what backward will read of the
 * caller's tensors. A copy's memory is kept by its role: what it is handed in as.
 */
export class Copies {
  readonly #scope: Scope
  readonly #kept = new Map<string, Tensor>()

  /** @param scope that of the results, and of the copies */
  constructor(scope: Scope) {
    this.#scope = scope
  }

  /** The tensor itself, or its copy where it is one of the results. */
  of(role: string, tensor: Tensor, index = 0): Tensor {
    return this.#scope.holds(tensor.storage) ? this.#copy(`${role} ${index}`, tensor) : tensor
  }

  /** A copy in any case: of what the caller may write to while it is still to be read. */
  keep(role: string, tensor: Tensor, index = 0): Tensor {
    return this.#copy(`${role} ${index}`, tensor)
  }

  ofStates(role: string, states: NamedStates): NamedStates {
    return mapStates(states, (tensor, i) => this.of(role, tensor, i))
  }

  #copy(role: string, tensor: Tensor): Tensor {
    const { runtime } = this.#scope
    const bytes = tensor.size * runtime.elementBytes
    let copy = this.#kept.get(role)
    if (copy === undefined) {
      const storage = this.#scope.allocate(bytes, `a copy of ${shapeText(tensor.shape)}`)
      this.#kept.set(role, (copy = new Tensor(runtime, storage, storage.address, tensor.shape, 'float')))
    }
    runtime.core.copyBytes(copy.address, tensor.address, bytes)
    return copy
  }
}
