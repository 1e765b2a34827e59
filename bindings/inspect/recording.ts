/** A forward recorded for inspection: with a tape of its own, leaving the module as it was. */
import {
  type BackwardCall,
  type BackwardSpec,
  type Recorded,
  planBackward,
  pointBackward,
} from '../nn/backward-call.ts'
import type { Lengths } from '../nn/lengths.ts'
import type { Input, Module, State } from '../nn/module.ts'
import type { Stack } from '../nn/stack.ts'
import type { NamedStates } from '../nn/states.ts'
import { Unrolled } from '../nn/unrolled.ts'
import { describeValue, expectOptions, expectShape, expectTensor, fail } from '../runtime/check.ts'
import type { Tensor } from '../runtime/tensor.ts'

export interface InspectOptions {
  /** The state before the first step; zeros if left out. */
  state?: State
  /** Steps of each sample; all T if left out. */
  lengths?: Lengths
  /** The gradient of the loss by the module's output. */
  output?: Tensor
}

export const INSPECT_OPTIONS = ['state', 'lengths', 'output']

/** Refuses what is not one recurrent module: of a Sequential, its layers are inspected one by one. */
export function expectUnrolled(who: string, module: Module): Unrolled {
  if (module instanceof Unrolled && module.hasState) return module
  const given = module instanceof Object ? `a ${module.constructor.name}` : describeValue(module)
  return fail(
    'type',
    `${who}: module is ${given}; expected an RNN, LSTM, GRU or Recurrent (of a Sequential, one of its modules)`,
  )
}

/** A recorded forward and the gradient that enters it. */
export class Recording {
  readonly module: Unrolled
  readonly stack: Stack
  readonly data: Recorded
  readonly output: Tensor | undefined
  readonly #dispose: () => void

  /** @param own names of the options beside those that all instruments take */
  constructor(who: string, module: Module, input: Input, options: InspectOptions, own: readonly string[]) {
    expectOptions(who, options, [...INSPECT_OPTIONS, ...own])
    this.module = expectUnrolled(who, module)
    this.stack = this.module.stack
    const { callCount } = this.module
    const { state, lengths } = options
    const { output, tape } = this.module.forward(input, { state, lengths, keep: true })
    // looking changes no later draw
    this.module.callCount = callCount
    this.data = tape!.data as Recorded
    this.#dispose = () => tape!.dispose()
    this.output = options.output && this.#expectGradient(who, options.output, output)
  }

  get steps(): number {
    return this.data.call.shape.steps
  }

  get batch(): number {
    return this.data.call.shape.batch
  }

  /** Plans a backward of this forward and points it at the gradients by the output, and by the last state if it is given. */
  plan(spec: BackwardSpec, state?: NamedStates): BackwardCall {
    const backward = planBackward(this.stack, this.data.call, spec)
    pointBackward(this.stack, this.data, backward, { output: this.output, state }, state ? backward.states : {})
    return backward
  }

  /** Runs a planned backward once. */
  run(backward: BackwardCall): void {
    backward.plan.prepare(true, this.data.draws)
    backward.itinerary.run()
  }

  /** Gives a planned backward's memory back. */
  release({ plan, itinerary, extra }: BackwardCall): void {
    for (const part of [plan, itinerary, extra]) part.dispose()
  }

  dispose(): void {
    this.#dispose()
  }

  #expectGradient(who: string, gradient: Tensor, output: Tensor): Tensor {
    const { runtime } = this.module
    try {
      expectTensor(who, 'output', gradient, runtime)
      expectShape(who, 'output', gradient.shape, output.shape.map(Number))
    } catch (error) {
      this.#dispose()
      throw error
    }
    return gradient
  }
}

/** The gradient by the output, where an instrument cannot do without. */
export function expectOutput(who: string, { output }: InspectOptions): void {
  if (output === undefined)
    fail('type', `${who}: output is missing; expected the loss's gradient by the module's output`)
}
