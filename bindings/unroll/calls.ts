/** The planned calls of an unrolled module: for each kind and shape a plan with its results, made once and reused. */
import type { Allocation } from '../runtime/heap.ts'
import type { Tensor } from '../runtime/tensor.ts'
import type { BackwardCall } from './backward-call.ts'
import { type Call, type ForwardOptions, disposeCall, planForward } from './forward-call.ts'
import type { CallShape, Stack } from './stack.ts'

/** Plans kept for reuse; a further one takes the place of the one that was not used for longest. */
const KEPT_PLANS = 8

export class Calls {
  readonly #stack: Stack
  readonly #calls = new Map<string, Call>()
  readonly #alive = new Set<Call>()
  /** Calls whose results live until their tape is disposed of. */
  readonly #lent = new Set<Call>()

  constructor(stack: Stack) {
    this.#stack = stack
  }

  call(shape: CallShape, options: ForwardOptions): Call {
    const key = keyOf(shape, options)
    const call = this.#calls.get(key) ?? planForward(this.#stack, shape, options)
    this.#put(key, call)
    return call
  }

  /** Is a call still planned? */
  has(call: Call): boolean {
    return this.#alive.has(call)
  }

  /** A call of its own, that no other forward touches until it is given back. */
  lend(shape: CallShape, options: ForwardOptions): { call: Call; giveBack: () => void } {
    const key = keyOf(shape, options)
    const call = this.#calls.get(key) ?? planForward(this.#stack, shape, options)
    this.#calls.delete(key)
    this.#lent.add(call)
    return { call, giveBack: () => this.#takeBack(key, call) }
  }

  owns(storage: Allocation): boolean {
    const parts = [...this.#calls.values(), ...this.#lent].flatMap((call) => [call, ...call.backward.values()])
    return parts.some((part) => isPart(part, storage))
  }

  dispose(): void {
    for (const call of [...this.#calls.values(), ...this.#lent]) disposeCall(call)
    this.#calls.clear()
    this.#alive.clear()
    this.#lent.clear()
  }

  #takeBack(key: string, call: Call): void {
    if (!this.#lent.delete(call)) return
    // what another forward gave may still be in use: it does not make room for this one
    if (this.#calls.has(key) || this.#calls.size >= KEPT_PLANS) disposeCall(call)
    else this.#put(key, call)
  }

  #put(key: string, call: Call): void {
    this.#calls.delete(key)
    this.#calls.set(key, call)
    this.#alive.add(call)
    if (this.#calls.size <= KEPT_PLANS) return
    const [oldest, forgotten] = this.#calls.entries().next().value!
    this.#calls.delete(oldest)
    this.#alive.delete(forgotten)
    disposeCall(forgotten)
  }
}

function keyOf({ leading }: CallShape, { mode, lengths, checkpoint }: ForwardOptions): string {
  const parts = typeof checkpoint === 'object' ? `${checkpoint.bytes} bytes` : checkpoint
  return `${mode} ${leading.join(' ')} ${lengths} ${parts}`
}

const isPart = (part: Call | BackwardCall, storage: Allocation): boolean =>
  part.plan.storage === storage || part.extra === storage

/**
 * A result of the call that is about to run, handed in again, is copied first: the call writes where it lies. The copy's memory
 * is the call's own, made when first needed.
 */
export function outside(call: Call | BackwardCall, index: number, tensor: Tensor): Tensor {
  if (!isPart(call, tensor.storage)) return tensor
  const copy = (call.copies[index] ??= tensor.runtime.emptyTensor(tensor.shape))
  tensor.runtime.core.copyBytes(copy.address, tensor.address, tensor.size * tensor.runtime.elementBytes)
  return copy
}
