/**
 * A module made of a cell, or of a stack of them, unrolled over time in the core. Each public method reads: check,
 * plan, call, return.
 */
import { type Draws, Invariants, type Plan, firstCarry } from '../program/plan.ts'
import { type SizedCell, trace } from '../program/trace.ts'
import { describeValue, expectBoolean, expectOptions, expectShape, expectTensor, fail } from '../runtime/check.ts'
import type { Allocation } from '../runtime/heap.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { type Shape, Tensor } from '../runtime/tensor.ts'
import { type BackwardCall, type Call, type CallShape, Calls, outside } from './calls.ts'
import type { Layer } from './layer.ts'
import {
  type BackwardOptions,
  type ForwardOptions,
  type ForwardResult,
  type Input,
  type InputGradients,
  Module,
  type OutputGradients,
  type State,
} from './module.ts'
import { type Bound, type Parameter, ParameterBlock } from './parameters.ts'

export interface UnrolledOptions {
  /** One cell per layer; a layer's output is the next one's only input. */
  readonly layers: readonly SizedCell[]
  /** A parameter's public name. */
  readonly nameOf?: (layer: number, param: string) => string
  /** Initial values are drawn from U(-bound, bound), or U(low, high). */
  readonly boundOf: (layer: number, param: string) => Bound
  readonly batchFirst?: boolean
  /** States are [layers, B, n] rather than [B, n]. */
  readonly layered?: boolean
  readonly fused?: boolean
  /** What keys the module's random draws; the next ordinal if left out. */
  readonly ordinal?: number
  /** What messages call the module; its class if left out. */
  readonly title?: string
}

interface Tape {
  readonly call: Call
  readonly inputs: readonly Tensor[]
  readonly addresses: readonly number[]
  readonly draws: Draws
}

export abstract class Unrolled extends Module {
  readonly #block: ParameterBlock
  readonly #layers: readonly Layer[]
  readonly #batchFirst: boolean
  readonly #layered: boolean
  readonly #calls: Calls
  readonly #packedAt = new Map<string, number>()
  readonly #ordinal: number
  readonly #title: string
  /** Calls so far: keys the draws of the next one. */
  #count = 0
  #tape: Tape | undefined

  constructor(runtime: Runtime, options: UnrolledOptions) {
    super(runtime)
    const nameOf = options.nameOf ?? ((_layer: number, param: string) => param)
    const shapes = new Map<string, Shape>()
    const bounds = new Map<string, Bound>()
    for (const [layer, { params }] of options.layers.entries()) {
      for (const [param, shape] of params) {
        shapes.set(nameOf(layer, param), shape)
        bounds.set(nameOf(layer, param), options.boundOf(layer, param))
      }
    }
    // what may be refused comes before anything is taken
    const graphs = options.layers.map((sized) => trace(sized, { fused: options.fused ?? true }))
    this.#block = new ParameterBlock(runtime, shapes)
    this.#ordinal = options.ordinal ?? runtime.nextModule()
    this.#title = options.title ?? new.target.name
    this.#block.fillUniform(this.#ordinal, (name) => bounds.get(name)!)
    const byName = new Map(this.#block.parameters.map((parameter) => [parameter.name, parameter]))
    this.#layers = options.layers.map((sized, layer) => ({
      sized,
      graph: graphs[layer]!,
      invariants: new Invariants(runtime),
      params: new Map([...sized.params.keys()].map((param) => [param, byName.get(nameOf(layer, param))!])),
    }))
    this.#batchFirst = options.batchFirst ?? false
    this.#layered = options.layered ?? false
    this.#calls = new Calls(runtime, this.#layers, {
      who: this.#title,
      batchFirst: this.#batchFirst,
      layered: this.#layered,
    })
  }

  protected override get title(): string {
    return this.#title
  }

  override get batchFirst(): boolean | undefined {
    return this.#batchFirst
  }

  override owns(storage: Allocation): boolean {
    return this.#calls.owns(storage)
  }

  override get callCount(): number {
    return this.#count
  }

  override set callCount(count: number) {
    this.#count = count
  }

  override get hasState(): boolean {
    return this.#calls.stateNames().length > 0
  }

  override checkState(who: string, state: State | undefined, batch = this.#tape?.call.plan.batch): void {
    this.#checkState(who, 'state', state, batch ?? 0)
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
    expectOptions(who, options, ['state', 'tape'])
    const { tape = this.training } = options
    expectBoolean(who, 'tape', tape)
    const given = this.#inputTensors(who, input)
    const shape = this.callShape(who, given)
    const state = this.#checkState(who, 'state', options.state, shape.batch)
    const call = this.#calls.call(tape ? 'tape' : 'plain', shape)
    const inputs = given.map((tensor, i) => outside(call, i, tensor))
    const addresses = this.#stage(call, inputs, shape)
    this.#point(call, addresses, state)
    const draws = this.#nextDraws()
    this.#run(call.mode, call.plan, draws)
    this.#tape = tape ? { call, inputs, addresses, draws } : undefined
    if (call.outputAddress !== call.output.address)
      this.#swap(shape.steps, shape.batch, call.output, call.outputAddress, call.output.address)
    return call.result
  }

  override step(input: Input, state?: State): ForwardResult {
    const who = this.#enter('step')
    this.#expectStreamable(who)
    const inputs = this.#inputTensors(who, input)
    const shape = this.#stepShape(who, inputs)
    const given = this.#checkState(who, 'state', state, shape.batch)
    if (given === undefined && this.#calls.stateNames().length > 0)
      fail('type', `${who}: state is missing; make one with initialState(${shape.batch})`)
    const call = this.#calls.call('step', shape)
    this.#point(
      call,
      inputs.map((tensor, i) => outside(call, i, tensor).address),
      given,
    )
    this.#run('step', call.plan, this.#nextDraws())
    this.#tape = undefined
    return given === undefined ? call.result : { output: call.output, state: given }
  }

  override backward(gradients: OutputGradients, options: BackwardOptions = {}): InputGradients {
    const who = this.#enter('backward')
    expectOptions(who, gradients, ['output', 'state'])
    expectOptions(who, options, ['inputGradient'])
    const { inputGradient = true } = options
    expectBoolean(who, 'inputGradient', inputGradient)
    const tape = this.#expectTape(who)
    const { call } = tape
    const output = gradients.output && expectTensor(who, 'output', gradients.output, this.runtime)
    if (output) expectShape(who, 'output', output.shape, call.output.shape.map(Number))
    const state = this.#checkState(who, 'state', gradients.state, call.plan.batch)
    if (!output && !state) fail('type', `${who}: neither output nor state is given; expected a gradient by one of them`)
    const backward = this.#calls.backwardCall(call, inputGradient, this.#block.frozen)
    this.#pointBackward(tape, backward, output && outside(backward, 0, output), state)
    this.#run(backward.kind, backward.plan, tape.draws)
    return this.#inputGradients(call, backward)
  }

  override initialState(batch: number): State | undefined {
    const who = this.#enter('initialState')
    if (!Number.isSafeInteger(batch) || batch < 1)
      fail('range', `${who}: batch is ${describeValue(batch)}; expected a whole number >= 1`)
    const names = this.#calls.stateNames()
    if (names.length === 0) return undefined
    return Object.fromEntries(
      names.map((name) => [name, this.runtime.emptyTensor(this.#calls.stateShape(name, batch))]),
    )
  }

  protected override release(): void {
    this.#calls.dispose()
    for (const layer of this.#layers) layer.invariants.dispose()
    this.#block.dispose()
    this.#tape = undefined
  }

  /** Steps, batch and leading axes of the caller's tensors; refuses what does not fit. */
  protected callShape(who: string, inputs: readonly Tensor[]): CallShape {
    const names = [...this.#layers[0]!.sized.inputs]
    const [first, second] = [inputs[0]!.shape[0]!, inputs[0]!.shape[1]!]
    for (const [i, [name, columns]] of names.entries()) {
      const axes = this.#batchFirst ? ['B', 'T'] : ['T', 'B']
      const sizes = i === 0 ? axes : [first, second]
      expectShape(who, this.inputName(name), inputs[i]!.shape, [...sizes, columns], this.sizeHint(columns))
    }
    const [steps, batch] = this.#batchFirst ? [second, first] : [first, second]
    if (steps < 1) fail('shape', `${who}: the input has T = 0 steps; expected at least 1`)
    if (batch < 1) fail('shape', `${who}: the input's batch is empty; expected at least 1 sample`)
    return { steps, batch, leading: [first, second] }
  }

  /** How messages call an input; a module with one input calls it `input`. */
  protected inputName(name: string): string {
    return this.#layers[0]!.sized.inputs.size === 1 ? 'input' : `input '${name}'`
  }

  protected sizeHint(_columns: number): string {
    return ''
  }

  #enter(method: string): string {
    this.expectAlive(method)
    return `${this.title}.${method}`
  }

  /** A state object holds one step back; a cell that reads further needs what came before as well. */
  #expectStreamable(who: string): void {
    const far = this.#layers[0]!.graph.states.find(({ reads }) => Math.max(...reads.keys()) > 1)
    if (far) fail('unsupported', `${who}: the cell reads '${far.name}' further than one step back; use forward`)
  }

  #stepShape(who: string, inputs: readonly Tensor[]): CallShape {
    const batch = inputs[0]!.shape[0]!
    for (const [i, [name, columns]] of [...this.#layers[0]!.sized.inputs].entries()) {
      expectShape(who, this.inputName(name), inputs[i]!.shape, [i === 0 ? 'B' : batch, columns], this.sizeHint(columns))
    }
    if (batch < 1) fail('shape', `${who}: the input's batch is empty; expected at least 1 sample`)
    return { steps: 1, batch, leading: [batch] }
  }

  #inputTensors(who: string, input: Input): Tensor[] {
    const names = [...this.#layers[0]!.sized.inputs.keys()]
    if (names.length === 1 && (input instanceof Tensor || !Object.hasOwn(Object(input), names[0]!))) {
      return [expectTensor(who, 'input', input, this.runtime)]
    }
    expectOptions(`${who}: input`, input, names)
    return names.map((name) =>
      expectTensor(who, `input '${name}'`, (input as Record<string, Tensor>)[name], this.runtime),
    )
  }

  // States

  #checkState(who: string, what: string, state: State | undefined, batch: number): Record<string, Tensor> | undefined {
    if (state === undefined) return undefined
    const names = this.#calls.stateNames()
    if (names.length === 0) fail('option', `${who}: ${what} is given; this module has none`)
    expectOptions(`${who}: ${what}`, state, names)
    const tensors = state as Record<string, Tensor>
    for (const name of names) {
      const tensor = expectTensor(who, `${what}.${name}`, tensors[name], this.runtime)
      expectShape(who, `${what}.${name}`, tensor.shape, this.#calls.stateShape(name, batch).map(Number))
    }
    return tensors
  }

  // Calls

  /** Runs a plan; packs weights anew only where parameters changed since this kind of program packed them. */
  #run(kind: string, plan: Plan, draws: Draws): void {
    const program = kind === 'step' ? 'plain' : kind
    const stale = this.#packedAt.get(program) !== this.#block.version
    plan.run(stale, draws)
    this.#packedAt.set(program, this.#block.version)
  }

  #nextDraws(): Draws {
    return { drops: this.training, module: this.#ordinal, call: this.#count++ }
  }

  #swap(outer: number, inner: number, tensor: Tensor, from: number, to: number): void {
    this.runtime.core.swapLeadingAxes(outer, inner, tensor.shape.at(-1)!, from, to)
  }

  /** Addresses of the inputs in time-major order. */
  #stage(call: Call, inputs: readonly Tensor[], { steps, batch }: CallShape): number[] {
    const names = [...this.#layers[0]!.sized.inputs.keys()]
    return inputs.map((input, i) => {
      const staged = call.staged.get(names[i]!)
      if (staged === undefined) return input.address
      this.#swap(batch, steps, input, input.address, staged)
      return staged
    })
  }

  #point(call: Call, inputs: readonly number[], initial: Record<string, Tensor> | undefined): void {
    for (const [i, leaf] of this.#layers[0]!.graph.inputs.entries()) call.plan.point(0, leaf, inputs[i]!)
    const finals = call.mode === 'step' ? initial : call.state
    for (const layer of this.#layers.keys()) {
      for (const [i, name] of this.#calls.stateNames().entries()) {
        call.plan.setState(
          layer,
          i,
          this.#layerAddress(initial?.[name], layer),
          this.#layerAddress(finals?.[name], layer),
        )
      }
    }
  }

  /** Where one layer's part of a state is; 0 where there is none. */
  #layerAddress(state: Tensor | undefined, layer: number): number {
    if (state === undefined) return 0
    return this.#layered
      ? state.address + (layer * state.size * this.runtime.elementBytes) / this.#layers.length
      : state.address
  }

  #expectTape(who: string): Tape {
    const tape = this.#tape
    if (tape === undefined) {
      fail(
        'tape',
        `${who}: there is no tape; call forward in training mode (or with tape: true) right before, and no other forward or step in between`,
      )
    }
    const gone = tape.inputs.find((input) => input.disposed)
    if (gone) fail('tape', `${who}: the input of the recorded forward was disposed of; keep it until backward`)
    return tape
  }

  #pointBackward(
    { addresses }: Tape,
    backward: BackwardCall,
    output: Tensor | undefined,
    state: Record<string, Tensor> | undefined,
  ): void {
    const { plan } = backward
    const { steps, batch } = plan
    const top = this.#layers.length - 1
    for (const [i, leaf] of this.#layers[0]!.graph.inputs.entries()) plan.point(top, leaf, addresses[i]!)
    const incoming = backward.programs.at(-1)!.graph.inputs[0]!
    plan.point(0, incoming, this.#outputGradient(backward, output, steps, batch))
    for (const [unit, layer] of [...this.#layers.keys()].reverse().entries())
      this.#pointCarries(backward, unit, layer, state)
  }

  #outputGradient(backward: BackwardCall, output: Tensor | undefined, steps: number, batch: number): number {
    if (output === undefined) return backward.zeros
    if (!this.#batchFirst || steps === 1 || batch === 1) return output.address
    this.#swap(batch, steps, output, output.address, backward.stagedOutput)
    return backward.stagedOutput
  }

  /** A state's incoming gradient enters by its nearest carry; what all its carries bring to the start is its outgoing one. */
  #pointCarries(backward: BackwardCall, unit: number, layer: number, state: Record<string, Tensor> | undefined): void {
    const { state: outgoing } = backward.withoutInput as { state?: Record<string, Tensor> }
    const program = backward.programs[layer]!
    for (const [i, carry] of program.states.entries()) {
      const name = carry.carries!
      const incoming = carry === firstCarry(program, name) ? state?.[name] : undefined
      backward.plan.setState(unit, i, this.#layerAddress(incoming, layer), this.#layerAddress(outgoing?.[name], layer))
    }
  }

  #inputGradients(call: Call, backward: BackwardCall): InputGradients {
    const { steps, batch } = call.plan
    if (!this.#batchFirst || steps === 1 || batch === 1) return backward.result
    const { graph } = backward.programs[0]!
    for (const [i, tensor] of Object.values(backward.inputs).entries()) {
      const from = backward.plan.entry(this.#layers.length - 1, graph.outputs[i]!).base
      this.#swap(steps, batch, tensor, from, tensor.address)
    }
    return backward.result
  }
}
