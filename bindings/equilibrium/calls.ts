/** The planned calls of a DEQ: one for each shape, made once and reused. */
import type { Allocation } from '../runtime/heap.ts'
import { type CallShape, ForwardCall, type Model } from './forward-call.ts'

/** Calls kept for reuse; a further one takes the place of the one that was not used for longest. */
const KEPT_CALLS = 8

export class Calls {
  readonly #model: Model
  readonly #calls = new Map<string, ForwardCall>()
  /** Calls whose results live until their tape is disposed of. */
  readonly #lent = new Set<ForwardCall>()

  constructor(model: Model) {
    this.#model = model
  }

  take(shape: CallShape): ForwardCall {
    const call = this.#remove(shape)
    this.#put(call)
    return call
  }

  /** A call of its own, that no other forward touches until it is given back. */
  lend(shape: CallShape): ForwardCall {
    const call = this.#remove(shape)
    this.#lent.add(call)
    return call
  }

  giveBack(call: ForwardCall): void {
    if (!this.#lent.delete(call)) return
    // what another forward gave may still be in use: it does not make room for this one
    if (this.#calls.has(keyOf(call.shape)) || this.#calls.size >= KEPT_CALLS) call.dispose()
    else this.#put(call)
  }

  owns(storage: Allocation): boolean {
    return [...this.#calls.values(), ...this.#lent].some((call) => call.owns(storage))
  }

  dispose(): void {
    for (const call of [...this.#calls.values(), ...this.#lent]) call.dispose()
    this.#calls.clear()
    this.#lent.clear()
  }

  #remove(shape: CallShape): ForwardCall {
    const key = keyOf(shape)
    const call = this.#calls.get(key) ?? new ForwardCall(this.#model, shape)
    this.#calls.delete(key)
    return call
  }

  #put(call: ForwardCall): void {
    this.#calls.set(keyOf(call.shape), call)
    if (this.#calls.size <= KEPT_CALLS) return
    const [key, oldest] = this.#calls.entries().next().value!
    this.#calls.delete(key)
    oldest.dispose()
  }
}

const keyOf = ({ leading, hasLengths }: CallShape): string => `${leading.join()} ${hasLengths}`
