/** The last step of a stream, so that the next one need not be checked and pointed again. */
import type { ForwardResult, Input } from '../module/options.ts'
import type { State } from '../module/state.ts'
import { Tensor, isLike } from '../runtime/tensor.ts'
import type { ForwardCall } from './forward-call.ts'
import { pointInputs } from './pointing.ts'
import type { Stack } from './stack.ts'

export class Stream {
  readonly call: ForwardCall
  readonly result: ForwardResult
  readonly #stack: Stack
  readonly #state: State | undefined
  /** Those of the state, in the order of the stack's names. */
  readonly #tensors: readonly Tensor[]
  #input: Tensor

  constructor(stack: Stack, call: ForwardCall, result: ForwardResult, input: Tensor, state: State | undefined) {
    this.#stack = stack
    this.call = call
    this.result = result
    this.#input = input
    this.#state = state
    this.#tensors = stack.states.names.map((name) => (state as Record<string, Tensor>)[name]!)
  }

  /** Is this the last step's state again, still there, and an input like the last one? Then the call reads that input. */
  takes(input: Input, state: State | undefined): boolean {
    return this.#hasState(state) && this.#reads(input)
  }

  #hasState(state: State | undefined): boolean {
    if (state !== this.#state || this.call.memory.scope.disposed) return false
    const { names } = this.#stack.states
    for (let i = 0; i < names.length; i++) {
      const tensor = this.#tensors[i]!
      if ((state as Record<string, Tensor>)[names[i]!] !== tensor || tensor.disposed) return false
    }
    return true
  }

  #reads(input: Input): boolean {
    if (input === this.#input) return !this.#input.disposed
    if (!(input instanceof Tensor) || !isLike(input, this.#input) || this.call.memory.scope.holds(input.storage))
      return false
    pointInputs(this.#stack, this.call, [input])
    this.#input = input
    return true
  }
}
