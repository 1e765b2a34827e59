/** A forward recorded for inspection: with a tape of its own, leaving the module as it was. */
import { expectLengths } from '../module/lengths.ts'
import type { Input } from '../module/options.ts'
import type { NamedStates } from '../module/state.ts'
import type { Tape } from '../module/tape.ts'
import type { CompileOptions } from '../program/compile.ts'
import type { StepGraph } from '../program/graph.ts'
import type { Value } from '../program/operation.ts'
import { expectShape, expectTensor } from '../runtime/check.ts'
import { type Scope, inScope } from '../runtime/scope.ts'
import type { Tensor } from '../runtime/tensor.ts'
import { type BackwardCall, type BackwardSpec, type Recorded, isPorted, planBackward } from '../unroll/backward-call.ts'
import type { Layer } from '../unroll/layer.ts'
import { pointBackward } from '../unroll/pointing.ts'
import { type Stack, outputColumns } from '../unroll/stack.ts'
import type { Unrolled } from '../unroll/unrolled.ts'
import type { InspectOptions } from './options.ts'

/** A backward as an instrument asks for it. No gradient by the input is formed. */
export interface OwnBackward extends Pick<BackwardSpec, 'truncation' | 'stepwise' | 'gradient'> {
  /** What tells its programs from others of the module. */
  readonly kind: string
  /** A layer's adjoint, and what of it is kept for reading. */
  make(layer: Layer): { graph: StepGraph; saved?: ReadonlySet<Value> }
  /** How long the adjoint's outputs are kept. */
  readonly outputs: CompileOptions['outputs']
  /** The gradient by the last state. */
  readonly state?: NamedStates
}

/** A planned backward with memory of its own. */
export class PlannedBackward {
  readonly call: BackwardCall
  readonly #scope: Scope
  readonly #recorded: Recorded

  constructor(scope: Scope, call: BackwardCall, recorded: Recorded) {
    this.call = call
    this.#scope = scope
    this.#recorded = recorded
  }

  run(): void {
    this.call.plan.prepare(true, this.#recorded.draws)
    this.call.itinerary.run()
  }

  dispose(): void {
    this.#scope.dispose()
  }
}

/** A recorded forward and the gradient that enters it. */
export class Recording {
  readonly module: Unrolled
  readonly stack: Stack
  readonly data: Recorded
  readonly output: Tensor | undefined
  readonly #tape: Tape
  readonly #copy: Tensor | undefined

  /** Refuses what does not fit before it runs forward, which ends the module's own tape. */
  constructor(who: string, module: Unrolled, input: Input, { state, lengths, output }: InspectOptions) {
    const { shape } = module.expectInput(who, input, lengths !== undefined)
    module.checkState(who, state, shape.batch)
    expectLengths(who, lengths, shape)
    if (output) {
      expectTensor(who, 'output', output, module.runtime)
      expectShape(who, 'output', output.shape, [...shape.leading, outputColumns(module.stack)])
    }
    this.module = module
    this.stack = module.stack
    // forward writes where the module's results lie
    this.#copy = output && module.owns(output.storage) ? output.copy() : undefined
    this.output = this.#copy ?? output
    const { callCount } = module
    this.#tape = module.forward(input, { state, lengths, keep: true }).tape!
    // looking changes no later draw
    module.callCount = callCount
    this.data = this.#tape.data as Recorded
  }

  get steps(): number {
    return this.data.call.shape.steps
  }

  get batch(): number {
    return this.data.call.shape.batch
  }

  /** What `see` makes of this recording, which ends then. */
  look<Seen>(see: (recording: Recording) => Seen): Seen {
    try {
      return see(this)
    } finally {
      this.#tape.dispose()
      this.#copy?.dispose()
    }
  }

  /** Plans a backward of this forward, pointed at the gradients by the output, and by the last state if that is given. */
  backward({ kind, make, outputs, state, ...spec }: OwnBackward): PlannedBackward {
    const { stack, data, output } = this
    const programs = stack.programs.custom(kind, make, outputs)
    const ported = isPorted(stack, data.call, spec.truncation)
    return inScope(stack.runtime, (scope) => {
      const call = planBackward(scope, stack, data.call, { ...spec, kind, programs, ported, inputGradient: false })
      pointBackward(stack, data, call, { output, state }, state ? call.states : {})
      return new PlannedBackward(scope, call, data)
    })
  }

  /** Runs a backward once: what `see` makes of what it left. */
  runBackward<Seen>(request: OwnBackward, see: (call: BackwardCall) => Seen): Seen {
    const backward = this.backward(request)
    try {
      backward.run()
      return see(backward.call)
    } finally {
      backward.dispose()
    }
  }
}
