/** The planned calls of a module: for each kind and shape one with its memory, made once and reused. */
import type { Allocation } from '../runtime/heap.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { type Scope, inScope } from '../runtime/scope.ts'
import type { Tensor } from '../runtime/tensor.ts'
import { Copies } from './copies.ts'

/** The memory of a call planned for one shape, and what else is planned for it when that is first asked for. */
export class CallMemory {
  readonly scope: Scope
  /** Copies of results of the call that are handed back in. */
  readonly copies: Copies
  readonly #made = new Map<string, unknown>()

  constructor(scope: Scope) {
    this.scope = scope
    this.copies = new Copies(scope)
  }

  /** What `make` gives, made the first time that the key is asked for, in a scope inside the call's. */
  once<Made>(key: string, make: (scope: Scope) => Made): Made {
    if (!this.#made.has(key)) this.#made.set(key, this.scope.inner(make))
    return this.#made.get(key) as Made
  }
}

export interface PlannedCall {
  readonly memory: CallMemory
}

type Planning<Call> = (memory: CallMemory) => Call

/** Calls kept for reuse; a further one takes the place of the one that was not used for longest. */
const KEPT_CALLS = 8

export class Calls<Call extends PlannedCall> {
  readonly #runtime: Runtime
  readonly #calls = new Map<string, Call>()
  #latest: Call | undefined
  /** Calls whose results live until their tape is disposed of. */
  readonly #lent = new Set<Call>()

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  /** @param read what the call is about to read: no call that one of them is a result of makes room for this one */
  take(key: string, plan: Planning<Call>, read: () => readonly Tensor[]): Call {
    const call = this.#calls.get(key) ?? this.#plan(plan)
    if (call === this.#latest) return call
    this.#put(key, call)
    if (this.#calls.size > KEPT_CALLS) this.#makeRoom(read())
    return call
  }

  /** A call of its own, that no other forward touches until it is given back. */
  lend(key: string, plan: Planning<Call>): { call: Call; giveBack: () => void } {
    const call = this.#calls.get(key) ?? this.#plan(plan)
    this.#calls.delete(key)
    this.#latest = undefined
    this.#lent.add(call)
    return { call, giveBack: () => this.#takeBack(key, call) }
  }

  /** Is this memory a call's? */
  owns(storage: Allocation): boolean {
    for (const call of this.#calls.values()) if (call.memory.scope.owns(storage)) return true
    for (const call of this.#lent) if (call.memory.scope.owns(storage)) return true
    return false
  }

  dispose(): void {
    for (const call of [...this.#calls.values(), ...this.#lent]) call.memory.scope.dispose()
    this.#calls.clear()
    this.#latest = undefined
    this.#lent.clear()
  }

  #plan(plan: Planning<Call>): Call {
    return inScope(this.#runtime, (scope) => plan(new CallMemory(scope)))
  }

  #takeBack(key: string, call: Call): void {
    if (!this.#lent.delete(call)) return
    // what another forward gave may still be in use: it does not make room for this one
    if (this.#calls.has(key) || this.#calls.size >= KEPT_CALLS) call.memory.scope.dispose()
    else this.#put(key, call)
  }

  /** The one used last stands last. */
  #put(key: string, call: Call): void {
    this.#calls.delete(key)
    this.#calls.set(key, call)
    this.#latest = call
  }

  #makeRoom(read: readonly Tensor[]): void {
    for (const [key, call] of this.#calls) {
      if (this.#calls.size <= KEPT_CALLS) return
      if (read.some(({ storage }) => call.memory.scope.owns(storage))) continue
      this.#calls.delete(key)
      call.memory.scope.dispose()
    }
  }
}
