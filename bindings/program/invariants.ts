import type { Allocation } from '../runtime/heap.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { type Entry, fixedEntry } from './entry.ts'
import type { Value } from './graph.ts'

/** Memory of one layer that does not depend on (T, B): packed weights, and values that follow from parameters alone. */
export class Invariants {
  readonly #runtime: Runtime
  readonly #allocations = new Map<Value, Map<string, Allocation>>()

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  /** The address of `form` of a value, the same for every program of the layer. */
  address(value: Value, form: 'value' | 'plain' | 'transposed', bytes: number): number {
    let forms = this.#allocations.get(value)
    if (forms === undefined) this.#allocations.set(value, (forms = new Map()))
    let allocation = forms.get(form)
    if (allocation === undefined)
      forms.set(form, (allocation = this.#runtime.heap.allocateZeros(bytes, 'packed weights')))
    return allocation.address
  }

  /** The entry of a value that another program of the layer computed. */
  entry(value: Value): Entry | undefined {
    const allocation = this.#allocations.get(value)?.get('value')
    return allocation && fixedEntry(allocation.address)
  }

  dispose(): void {
    for (const forms of this.#allocations.values()) for (const allocation of forms.values()) allocation.dispose()
    this.#allocations.clear()
  }
}
