/**
 * A module made of a cell, or of a stack of them, unrolled over time in the core. Each public method reads: check,
 * plan, call, return.
 */
import { type CallMemory, Calls } from '../module/calls.ts'
import { expectCheckpointing } from '../module/checkpointing.ts'
import { inputTensors } from '../module/inputs.ts'
import { expectLengths, writeLengths } from '../module/lengths.ts'
import { Module } from '../module/module.ts'
import {
  type BackwardOptions,
  HANDED,
  type ForwardOptions,
  type ForwardResult,
  type Input,
  type InputGradients,
  type OutputGradients,
  expectBackwardOptions,
  expectForwardOptions,
} from '../module/options.ts'
import type { Parameter, ParameterBlock } from '../module/parameters.ts'
import { Staleness } from '../module/staleness.ts'
import { type State, copyStates } from '../module/state.ts'
import { type StepInput, StepInputs } from '../module/step-rows.ts'
import { Tape, expectTape, keptWith } from '../module/tape.ts'
import { type Truncation, expectTruncation } from '../module/truncation.ts'
import type { Draws, Plan } from '../program/plan.ts'
import { describeValue, expectShape, expectTensor, fail } from '../runtime/check.ts'
import type { Allocation } from '../runtime/heap.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { Tensor } from '../runtime/tensor.ts'
import { type Recorded, backwardOf } from './backward-call.ts'
import { type ForwardCall, planForward } from './forward-call.ts'
import { type ForwardRequest, requestKey, specOf } from './forward-spec.ts'
import { inputsReadBy } from './layer.ts'
import { type UnrolledOptions, boundsOf, makeLayers } from './layers.ts'
import { type ForwardEnds, pointBackward, pointForward } from './pointing.ts'
import { StackPrograms } from './programs.ts'
import type { CallShape, Stack } from './stack.ts'
import { States } from './states.ts'
import { Stream } from './stream.ts'

export abstract class Unrolled extends Module {
  readonly #block: ParameterBlock
  /** @internal */
  readonly stack: Stack
  readonly #batchFirst: boolean
  readonly #calls: Calls<ForwardCall>
  readonly #rows: StepInputs
  readonly #staleness: Staleness
  readonly #ordinal: number
  /** Training calls so far: keys the draws of the next one. */
  #count = 0
  #tape: Tape<Recorded> | undefined
  #stream: Stream | undefined

  constructor(runtime: Runtime, options: UnrolledOptions) {
    super(runtime, options.type, options.options)
    const { layers, block } = makeLayers(runtime, options)
    this.#block = block
    this.#ordinal = options.ordinal ?? runtime.nextModule()
    block.fillUniform(this.#ordinal, boundsOf(layers, options))
    this.stack = {
      runtime,
      layers,
      directions: options.layers[0]!.length === 2 ? 2 : 1,
      states: new States(runtime, layers, options.layered ?? false),
      programs: new StackPrograms(layers, runtime.core.CHAIN_TILES.value),
      who: this.type,
    }
    this.#batchFirst = options.batchFirst ?? false
    this.#calls = new Calls(runtime)
    this.#rows = new StepInputs(runtime, this.type, layers[0]!.sized.inputs)
    this.#staleness = new Staleness(block)
  }

  override get batchFirst(): boolean | undefined {
    return this.#batchFirst
  }

  override get isCausal(): boolean {
    return this.stack.directions === 1
  }

  override owns(storage: Allocation): boolean {
    return this.#calls.owns(storage)
  }

  override stepInput(input: StepInput): Input {
    if (input instanceof Tensor) return input
    this.expectAlive('step')
    return this.#rows.of(`${this.type}.step`, input)
  }

  override get lastTape(): Tape | undefined {
    return this.#tape
  }

  override get callCount(): number {
    return this.#count
  }

  override set callCount(count: number) {
    this.#count = count
  }

  override get hasState(): boolean {
    return this.stack.states.names.length > 0
  }

  override checkState(who: string, state: State | undefined, batch = this.#tape?.data.call.shape.batch): void {
    this.stack.states.expect(who, 'state', state, batch)
  }

  override blocks(): ParameterBlock[] {
    return [this.#block]
  }

  override parameters(): Parameter[] {
    this.expectAlive('parameters')
    return [...this.#block.parameters]
  }

  override forward(input: Input, options: ForwardOptions = {}): ForwardResult {
    const who = this.#enter('forward')
    const { tape, keep } = expectForwardOptions(who, options, this.training)
    const { inputs: given, shape } = this.expectInput(who, input, options.lengths !== undefined)
    const state = this.stack.states.expect(who, 'state', options.state, shape.batch)
    const lengths = expectLengths(who, options.lengths, shape)
    const truncation = this.#expectTruncation(who, options)
    const checkpoint = expectCheckpointing(who, options.checkpoint)
    const request: ForwardRequest = {
      mode: tape ? 'tape' : 'plain',
      lengths: lengths !== undefined,
      checkpoint: tape ? checkpoint : undefined,
    }
    const { call, giveBack } = this.#plan(shape, request, keep, () => [...given, ...Object.values(state ?? {})])
    try {
      const inputs = given.map((tensor, i) => this.#toBeRead(call, tensor, i, tape && options[HANDED] !== input))
      const draws = this.#run(call, { inputs, initial: state, final: call.state }, lengths)
      const recorded = tape && { call, inputs, draws, truncation, pasts: this.stack.states.pastsIn(state) }
      this.#tape = recorded && !keep ? new Tape(this, recorded) : undefined
      if (keep && recorded) return keptWith(new Tape(this, recorded, giveBack), call.result)
      const { output } = call.result
      return call.state === undefined ? { output } : { output, state: { ...call.state } }
    } catch (error) {
      giveBack?.()
      throw error
    }
  }

  override step(given: StepInput, state?: State): ForwardResult {
    const input = given instanceof Tensor ? given : this.stepInput(given)
    if (this.#stream?.takes(input, state)) return this.#stepOn(this.#stream)
    const who = this.#enter('step')
    const { states } = this.stack
    if (!this.isCausal)
      fail('unsupported', `${who}: the module is bidirectional: a step needs what comes after it; use forward`)
    const inputs = this.#inputTensors(who, input)
    const shape = this.#stepShape(who, inputs)
    const carried = states.expect(who, 'state', state, shape.batch)
    const missing = states.names.find((name) => carried?.[name] === undefined)
    if (missing !== undefined)
      fail(
        'type',
        `${who}: state${carried ? `.${missing}` : ''} is missing; make one with initialState(${shape.batch})`,
      )
    const { call } = this.#plan(shape, STEP, false, () => [...inputs, ...Object.values(carried ?? {})])
    const read = inputs.map((tensor, i) => call.memory.copies.of('input', tensor, i))
    this.#run(call, { inputs: read, initial: carried, final: carried }, undefined)
    this.#tape = undefined
    const { output } = call.result
    // the stream gives the same object at every step
    const result = Object.freeze(carried === undefined ? { output } : { output, state: carried })
    const isPlain = input instanceof Tensor && read[0] === input
    this.#stream = isPlain ? new Stream(this.stack, call, result, input, state) : undefined
    return result
  }

  override backward(gradients: OutputGradients, options: BackwardOptions = {}): InputGradients {
    const who = this.#enter('backward')
    const { inputGradient } = expectBackwardOptions(who, gradients, options)
    const tape = expectTape(who, this, options.tape, this.#tape)
    const { call, inputs, truncation, pasts } = tape.data
    const { states } = this.stack
    if (inputs.some((tensor, i) => tensor.disposed && this.#isReadAgain(call, i)))
      fail('tape', `${who}: the input of the recorded forward is gone: the module that gave it has been run since`)
    const output = gradients.output && expectTensor(who, 'output', gradients.output, this.runtime)
    if (output) expectShape(who, 'output', output.shape, call.result.output.shape.map(Number))
    const state = states.expect(who, 'state', gradients.state, call.shape.batch)
    if (!output && !state) fail('type', `${who}: neither output nor state is given; expected a gradient by one of them`)
    const backward = backwardOf(this.stack, call, { inputGradient, frozen: this.#block.frozen, truncation })
    const outgoing = states.withPasts(backward.states, pasts)
    const { copies } = backward
    const entering = output && copies.of('output', output)
    const incoming = state && copies.ofStates('state', state)
    pointBackward(this.stack, tape.data, backward, { output: entering, state: incoming }, outgoing)
    if (call.tapePlan !== call.plan) this.#prepare('rerun', call.tapePlan, tape.data.draws)
    this.#prepare(backward.kind, backward.plan, tape.data.draws)
    backward.itinerary.run()
    const hasState = Object.keys(outgoing).length > 0
    const byInput = backward.input instanceof Tensor ? backward.input : backward.input && { ...backward.input }
    return { ...(byInput && { input: byInput }), ...(hasState && { state: { ...outgoing } }) }
  }

  override initialState(batch: number): State | undefined {
    const who = this.#enter('initialState')
    if (!Number.isSafeInteger(batch) || batch < 1)
      fail('range', `${who}: batch is ${describeValue(batch)}; expected a whole number >= 1`)
    const { states } = this.stack
    if (states.names.length === 0) return undefined
    return Object.fromEntries(states.names.map((name) => [name, this.runtime.ownTensor(states.shape(name, batch))]))
  }

  protected override release(): void {
    this.#calls.dispose()
    this.#rows.dispose()
    for (const layer of this.stack.layers) layer.invariants.dispose()
    this.#block.dispose()
    this.#tape = undefined
    this.#stream = undefined
  }

  /** @internal The input's tensors, and their sizes; refuses what forward would. */
  expectInput(who: string, input: Input, hasLengths = false): { inputs: Tensor[]; shape: CallShape } {
    const inputs = this.#inputTensors(who, input)
    return { inputs, shape: this.callShape(who, inputs, hasLengths) }
  }

  /** Steps, batch and leading axes of the caller's tensors; refuses what does not fit. */
  protected callShape(who: string, inputs: readonly Tensor[], _hasLengths: boolean): CallShape {
    const names = [...this.stack.layers[0]!.sized.inputs]
    const [first, second] = [inputs[0]!.shape[0]!, inputs[0]!.shape[1]!]
    for (const [i, [name, columns]] of names.entries()) {
      const axes = this.#batchFirst ? ['B', 'T'] : ['T', 'B']
      const sizes = i === 0 ? axes : [first, second]
      expectShape(who, this.inputName(name), inputs[i]!.shape, [...sizes, columns], this.sizeHint(columns))
    }
    const [steps, batch] = this.#batchFirst ? [second, first] : [first, second]
    if (steps < 1) fail('shape', `${who}: the input has T = 0 steps; expected at least 1`)
    if (batch < 1) fail('shape', `${who}: the input's batch is empty; expected at least 1 sample`)
    return { steps, batch, leading: [first, second], batchFirst: this.#batchFirst }
  }

  /** How messages call an input; a module with one input calls it `input`. */
  protected inputName(name: string): string {
    return this.stack.layers[0]!.sized.inputs.size === 1 ? 'input' : `input '${name}'`
  }

  protected sizeHint(_columns: number): string {
    return ''
  }

  /** What a forward reads in the place of an input: a copy of what backward reads again, and of what the call itself would overwrite. */
  #toBeRead(call: ForwardCall, tensor: Tensor, index: number, records: boolean): Tensor {
    const { copies } = call.memory
    return records && this.#isReadAgain(call, index)
      ? copies.keep('input', tensor, index)
      : copies.of('input', tensor, index)
  }

  /** Does backward read an input where it lies? Staged ones have been copied; segments that are run again read all. */
  #isReadAgain(call: ForwardCall, index: number): boolean {
    if (call.isStaged) return false
    const layer = this.stack.layers[0]!
    return call.tapePlan !== call.plan || inputsReadBy(layer).has(layer.graph.inputs[index]!)
  }

  #enter(method: string): string {
    this.expectAlive(method)
    return `${this.type}.${method}`
  }

  #stepShape(who: string, inputs: readonly Tensor[]): CallShape {
    const batch = inputs[0]!.shape[0]!
    for (const [i, [name, columns]] of [...this.stack.layers[0]!.sized.inputs].entries()) {
      expectShape(who, this.inputName(name), inputs[i]!.shape, [i === 0 ? 'B' : batch, columns], this.sizeHint(columns))
    }
    if (batch < 1) fail('shape', `${who}: the input's batch is empty; expected at least 1 sample`)
    return { steps: 1, batch, leading: [batch], batchFirst: false }
  }

  #inputTensors(who: string, input: Input): Tensor[] {
    return inputTensors(who, [...this.stack.layers[0]!.sized.inputs.keys()], input, this.runtime)
  }

  #expectTruncation(who: string, { truncation, checkpoint }: ForwardOptions): Truncation | undefined {
    if (truncation === undefined) return undefined
    if (!this.isCausal)
      fail('unsupported', `${who}: truncation is given; a bidirectional module has no one past to cut off`)
    if (checkpoint !== undefined)
      fail('option', `${who}: truncation and checkpoint are both given; a truncated window is short by itself`)
    return expectTruncation(who, truncation)
  }

  // Calls

  #stepOn({ call, result }: Stream): ForwardResult {
    this.#prepare(call.kind, call.plan, this.#nextDraws())
    call.itinerary.run()
    this.#tape = undefined
    return result
  }

  #nextDraws(): Draws {
    const drops = this.training
    return { drops, module: this.#ordinal, call: drops ? this.#count++ : this.#count }
  }

  #plan(
    shape: CallShape,
    request: ForwardRequest,
    keep: boolean,
    read: () => readonly Tensor[],
  ): { call: ForwardCall; giveBack?: () => void } {
    const key = requestKey(shape, request)
    const plan = (memory: CallMemory) => planForward(memory, this.stack, shape, specOf(this.stack, shape, request))
    return keep ? this.#calls.lend(key, plan) : { call: this.#calls.take(key, plan, read) }
  }

  #run(call: ForwardCall, ends: ForwardEnds, lengths: Int32Array | undefined): Draws {
    const { stack } = this
    pointForward(stack, call, ends)
    if (lengths) writeLengths(this.runtime, call.lengths, lengths)
    if (call.initial) {
      const kept = ends.initial && copyStates(ends.initial, call.initial)
      for (const layer of stack.layers.keys())
        stack.states.point(call.tapePlan, layer, call.programs[layer]!, layer, kept)
    }
    const draws = this.#nextDraws()
    this.#prepare(call.kind, call.plan, draws)
    call.itinerary.run()
    return draws
  }

  #prepare(kind: string, plan: Plan, draws: Draws): void {
    plan.prepare(this.#staleness.refresh(kind), draws)
  }
}

const STEP: ForwardRequest = { mode: 'step', lengths: false, checkpoint: undefined }
