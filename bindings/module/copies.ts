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
  readonly #kept = new Map<string, Tensor[]>()

  /** @param scope that of the results, and of the copies */
  constructor(scope: Scope) {
    this.#scope = scope
  }

  /** The tensor itself, or its copy where it is one of the results. */
  of(role: string, tensor: Tensor, index = 0): Tensor {
    return this.#scope.holds(tensor.storage) ? this.keep(role, tensor, index) : tensor
  }

  ofStates(role: string, states: NamedStates): NamedStates {
    return mapStates(states, (tensor, i) => this.of(role, tensor, i))
  }

  /** A copy in any case: of what the caller may write to while it is still to be read. */
  keep(role: string, tensor: Tensor, index = 0): Tensor {
    const { runtime } = this.#scope
    const bytes = tensor.size * runtime.elementBytes
    const copy = this.#kept.get(role)?.[index] ?? this.#make(role, tensor, index, bytes)
    runtime.core.copyBytes(copy.address, tensor.address, bytes)
    return copy
  }

  #make(role: string, { shape }: Tensor, index: number, bytes: number): Tensor {
    const storage = this.#scope.allocate(bytes, `a copy of ${shapeText(shape)}`)
    const copy = new Tensor(this.#scope.runtime, storage, storage.address, shape, 'float')
    const copies = this.#kept.get(role) ?? []
    copies[index] = copy
    this.#kept.set(role, copies)
    return copy
  }
}
