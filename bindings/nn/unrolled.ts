/**
 * A module made of a cell, or of a stack of them, unrolled over time in the core. Each public method reads: check,
 * plan, call, return.
 */
import { adjoint } from '../program/adjoint.ts'
import { type CompiledProgram, compile } from '../program/compile.ts'
import { KIND } from '../program/format.ts'
import { type StepGraph, Value, isLeaf } from '../program/graph.ts'
import { type Entry, Invariants, Plan, type PlanUnit, firstCarry } from '../program/plan.ts'
import { type SizedCell, trace } from '../program/trace.ts'
import { describeValue, expectBoolean, expectOptions, expectShape, expectTensor, fail } from '../runtime/check.ts'
import type { Allocation } from '../runtime/heap.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { type Shape, Tensor } from '../runtime/tensor.ts'
import {
  type BackwardOptions, type ForwardOptions, type ForwardResult, type Input, type InputGradients, Module, type OutputGradients, type State,
} from './module.ts'
import { type Parameter, ParameterBlock } from './parameters.ts'

export interface UnrolledOptions {
  /** One cell per layer; a layer's output is the next one's only input. */
  readonly layers: readonly SizedCell[]
  /** A parameter's public name. */
  readonly nameOf?: (layer: number, param: string) => string
  /** Initial values are drawn from U(-bound, bound). */
  readonly boundOf: (layer: number, param: string) => number
  readonly batchFirst?: boolean
  /** States are [layers, B, n] rather than [B, n]. */
  readonly layered?: boolean
  readonly fused?: boolean
}

interface Layer {
  readonly sized: SizedCell
  readonly graph: StepGraph
  readonly invariants: Invariants
  readonly params: ReadonlyMap<string, Parameter>
  adjoint?: StepGraph
}

/** What a call reads and writes: sizes, and the tensors in time-major order. */
export interface CallShape {
  readonly steps: number
  readonly batch: number
  /** Leading axes of input and output as the caller sees them. */
  readonly leading: Shape
}

type Mode = 'tape' | 'plain' | 'step'

/** A planned call with its results; for `tape`, also the plan of its backward. */
interface Call {
  readonly mode: Mode
  readonly plan: Plan
  readonly extra: Allocation
  readonly staged: ReadonlyMap<string, number>
  readonly output: Tensor
  readonly outputAddress: number
  readonly state: Record<string, Tensor> | undefined
  readonly result: ForwardResult
  backward: Map<boolean, BackwardCall>
}

interface BackwardCall {
  readonly plan: Plan
  readonly programs: readonly CompiledProgram[]
  readonly extra: Allocation
  readonly zeros: number
  readonly stagedOutput: number
  readonly inputs: Readonly<Record<string, Tensor>>
  readonly result: InputGradients
  readonly withoutInput: InputGradients
}

interface Tape {
  readonly call: Call
  readonly inputs: readonly Tensor[]
  readonly addresses: readonly number[]
}

/** Plans kept for reuse; a further (T, B) takes the place of the oldest. */
const KEPT_PLANS = 8

export abstract class Unrolled extends Module {
  readonly #block: ParameterBlock
  readonly #layers: readonly Layer[]
  readonly #batchFirst: boolean
  readonly #layered: boolean
  readonly #calls = new Map<string, Call>()
  readonly #programs = new Map<string, CompiledProgram[]>()
  readonly #packedAt = new Map<string, number>()
  #tape: Tape | undefined

  constructor(runtime: Runtime, options: UnrolledOptions) {
    super(runtime)
    const nameOf = options.nameOf ?? ((_layer: number, param: string) => param)
    const shapes = new Map<string, Shape>()
    const bounds = new Map<string, number>()
    for (const [layer, { params }] of options.layers.entries()) {
      for (const [param, shape] of params) {
        shapes.set(nameOf(layer, param), shape)
        bounds.set(nameOf(layer, param), options.boundOf(layer, param))
      }
    }
    this.#block = new ParameterBlock(runtime, shapes)
    this.#block.fillUniform(runtime.nextModule(), (name) => bounds.get(name)!)
    const byName = new Map(this.#block.parameters.map((parameter) => [parameter.name, parameter]))
    this.#layers = options.layers.map((sized, layer) => ({
      sized,
      graph: trace(sized, { fused: options.fused ?? true }),
      invariants: new Invariants(runtime),
      params: new Map([...sized.params.keys()].map((param) => [param, byName.get(nameOf(layer, param))!])),
    }))
    this.#batchFirst = options.batchFirst ?? false
    this.#layered = options.layered ?? false
  }

  override get batchFirst(): boolean {
    return this.#batchFirst
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
    const inputs = this.#inputTensors(who, input)
    const shape = this.callShape(who, inputs)
    const state = this.#checkState(who, 'state', options.state, shape.batch)
    const call = this.#call(tape ? 'tape' : 'plain', shape)
    const addresses = this.#stage(call, inputs, shape)
    this.#point(call, addresses, state)
    this.#run(call.mode, call.plan)
    this.#tape = tape ? { call, inputs, addresses } : undefined
    if (call.outputAddress !== call.output.address) this.#swap(shape.steps, shape.batch, call.output, call.outputAddress, call.output.address)
    return call.result
  }

  override step(input: Input, state?: State): ForwardResult {
    const who = this.#enter('step')
    const inputs = this.#inputTensors(who, input)
    const shape = this.#stepShape(who, inputs)
    const given = this.#checkState(who, 'state', state, shape.batch)
    if (given === undefined && this.#stateNames().length > 0) fail('type', `${who}: state is missing; make one with initialState(${shape.batch})`)
    const call = this.#call('step', shape)
    this.#point(call, inputs.map((tensor) => tensor.address), given)
    this.#run('step', call.plan)
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
    const backward = this.#backwardCall(call, inputGradient)
    this.#pointBackward(tape, backward, output, state)
    this.#run(`backward${inputGradient}`, backward.plan)
    return this.#inputGradients(call, backward)
  }

  override initialState(batch: number): State | undefined {
    const who = this.#enter('initialState')
    if (!Number.isSafeInteger(batch) || batch < 1) fail('range', `${who}: batch is ${describeValue(batch)}; expected a whole number >= 1`)
    const names = this.#stateNames()
    if (names.length === 0) return undefined
    return Object.fromEntries(names.map((name) => [name, this.runtime.emptyTensor(this.#stateShape(name, batch))]))
  }

  protected override release(): void {
    for (const call of this.#calls.values()) disposeCall(call)
    for (const layer of this.#layers) layer.invariants.dispose()
    this.#calls.clear()
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
    return `${this.constructor.name}.${method}`
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
    if (names.length === 1 && !Object.hasOwn(Object(input), names[0]!)) {
      return [expectTensor(who, 'input', input, this.runtime)]
    }
    expectOptions(`${who}: input`, input, names)
    return names.map((name) => expectTensor(who, `input '${name}'`, (input as Record<string, Tensor>)[name], this.runtime))
  }

  // States

  #stateNames(): string[] {
    return [...this.#layers[0]!.sized.states.keys()]
  }

  #stateShape(name: string, batch: number): Shape {
    const columns = this.#layers[0]!.sized.states.get(name)!
    return this.#layered ? [this.#layers.length, batch, columns] : [batch, columns]
  }

  #checkState(who: string, what: string, state: State | undefined, batch: number): Record<string, Tensor> | undefined {
    if (state === undefined) return undefined
    const names = this.#stateNames()
    if (names.length === 0) fail('option', `${who}: ${what} is given; this module has none`)
    expectOptions(`${who}: ${what}`, state, names)
    const tensors = state as Record<string, Tensor>
    for (const name of names) {
      const tensor = expectTensor(who, `${what}.${name}`, tensors[name], this.runtime)
      expectShape(who, `${what}.${name}`, tensor.shape, this.#stateShape(name, batch).map(Number))
    }
    return tensors
  }

  // Programs and plans

  /** The compiled programs of all layers for one kind of call, in the order in which they run. */
  #program(kind: string, make: (layer: Layer, index: number) => CompiledProgram): CompiledProgram[] {
    let programs = this.#programs.get(kind)
    if (programs === undefined) this.#programs.set(kind, (programs = this.#layers.map(make)))
    return programs
  }

  #forwardPrograms(mode: Mode): CompiledProgram[] {
    const tiles = this.runtime.core.CHAIN_TILES.value
    const last = this.#layers.length - 1
    if (mode !== 'tape') {
      return this.#program('plain', ({ graph }, i) => compile(graph, { outputsTimed: i === last, tiles }))
    }
    return this.#program('tape', (layer) => compile(layer.graph, { outputsTimed: true, saved: savedValues(layer), tiles }))
  }

  #backwardPrograms(inputGradient: boolean): CompiledProgram[] {
    const tiles = this.runtime.core.CHAIN_TILES.value
    return this.#program(`backward${inputGradient}`, (layer, i) => {
      const primal = primalValues(layer)
      const graph = inputGradient || i > 0 ? adjointOf(layer) : adjoint(layer.graph, { inputs: [] })
      return compile(graph, { outputsTimed: i === 0, given: (value) => primal.has(value), tiles })
    })
  }

  #call(mode: Mode, shape: CallShape): Call {
    const key = `${mode} ${shape.leading.join(' ')}`
    let call = this.#calls.get(key)
    if (call !== undefined) return call
    call = this.#makeCall(mode, shape)
    this.#calls.set(key, call)
    if (this.#calls.size > KEPT_PLANS) this.#forgetOldest(call)
    return call
  }

  #forgetOldest(current: Call): void {
    for (const [key, call] of this.#calls) {
      if (call === current) continue
      this.#calls.delete(key)
      if (this.#tape?.call === call) this.#tape = undefined
      return disposeCall(call)
    }
  }

  #makeCall(mode: Mode, { steps, batch, leading }: CallShape): Call {
    const programs = this.#forwardPrograms(mode)
    const units = this.#layers.map((layer, i) => this.#forwardUnit(layer, programs[i]!, batch))
    const who = `${this.constructor.name}: the workspace for T = ${steps}, B = ${batch}`
    const plan = new Plan(this.runtime, units, { steps, batch, reversed: false, who })
    const top = this.#layers.at(-1)!.graph.outputs[0]!
    const outputAddress = plan.entry(units.length - 1, top).base
    const swapped = this.#batchFirst && steps > 1 && batch > 1
    const bytes = this.runtime.elementBytes
    const area = new Area()
    const stateOffsets = mode === 'step' ? [] : this.#stateNames().map((name) => area.take(sizeOfState(this.#stateShape(name, batch)) * bytes))
    const outputOffset = swapped ? area.take(steps * batch * top.columns * bytes) : 0
    const stagedOffsets = swapped ? [...this.#layers[0]!.sized.inputs.values()].map((n) => area.take(steps * batch * n * bytes)) : []
    const extra = this.#allocateBeside(plan, area.bytes, who)
    const tensor = (offset: number, axes: Shape) => new Tensor(this.runtime, extra, extra.address + offset, axes, 'float')
    const outputShape = [...leading, top.columns]
    const output = swapped ? tensor(outputOffset, outputShape) : new Tensor(this.runtime, plan.storage, outputAddress, outputShape, 'float')
    const names = this.#stateNames()
    const state = stateOffsets.length === 0 ? undefined : Object.fromEntries(names.map((name, i) => [name, tensor(stateOffsets[i]!, this.#stateShape(name, batch))]))
    const staged = new Map(stagedOffsets.map((offset, i) => [[...this.#layers[0]!.sized.inputs.keys()][i]!, extra.address + offset]))
    const result = state === undefined ? { output } : { output, state }
    return { mode, plan, extra, staged, output, outputAddress, state, result, backward: new Map() }
  }

  /** A second allocation for a plan; if it does not fit, the plan is given back too. */
  #allocateBeside(plan: Plan, bytes: number, who: string): Allocation {
    try {
      return this.runtime.heap.allocateZeros(bytes, who)
    } catch (error) {
      plan.dispose()
      throw error
    }
  }

  #forwardUnit(layer: Layer, program: CompiledProgram, batch: number): PlanUnit {
    return {
      program,
      invariants: layer.invariants,
      outside: (value, previous) => this.#leafEntry(layer, value, batch, previous),
      gradient: () => fail('internal', 'a forward program has no gradients'),
    }
  }

  /** A parameter's address, the output of the layer before, or an input that each call points anew. */
  #leafEntry(layer: Layer, value: Value, batch: number, previous: Entry | undefined): Entry {
    if (value.node.op === 'param') return { base: layer.params.get(value.node.name)!.value.address, stride: 0, kind: KIND.TIMED }
    return previous ?? { base: 0, stride: batch * value.columns * this.runtime.elementBytes, kind: KIND.TIMED }
  }

  #backwardCall(call: Call, inputGradient: boolean): BackwardCall {
    let backward = call.backward.get(inputGradient)
    if (backward === undefined) call.backward.set(inputGradient, (backward = this.#makeBackward(call, inputGradient)))
    return backward
  }

  #makeBackward(call: Call, inputGradient: boolean): BackwardCall {
    const { steps, batch } = call.plan
    const bytes = this.runtime.elementBytes
    const programs = this.#backwardPrograms(inputGradient)
    const order = this.#layers.map((_, i) => this.#layers.length - 1 - i)
    const units = order.map((i) => this.#backwardUnit(call, i, programs[i]!))
    const who = `${this.constructor.name}: the backward workspace for T = ${steps}, B = ${batch}`
    const plan = new Plan(this.runtime, units, { steps, batch, reversed: true, who })
    const swapped = this.#batchFirst && steps > 1 && batch > 1
    const area = new Area()
    const outputBytes = call.output.size * bytes
    const zeros = area.take(outputBytes)
    const stagedOutput = swapped ? area.take(outputBytes) : 0
    const stateOffsets = this.#stateNames().map((name) => area.take(sizeOfState(this.#stateShape(name, batch)) * bytes))
    const inputs = inputGradient ? [...this.#layers[0]!.sized.inputs] : []
    const inputOffsets = inputs.map(([, columns]) => (swapped ? area.take(steps * batch * columns * bytes) : 0))
    const extra = this.#allocateBeside(plan, area.bytes, who)
    const { graph } = programs[0]!
    const leading = call.output.shape.slice(0, -1)
    const tensors = inputs.map(([name, columns], i): [string, Tensor] => {
      const source = swapped ? { storage: extra, address: extra.address + inputOffsets[i]! } : { storage: plan.storage, address: plan.entry(units.length - 1, graph.outputs[i]!).base }
      return [name, new Tensor(this.runtime, source.storage, source.address, [...leading, columns], 'float')]
    })
    const states = this.#stateNames().map((name, i): [string, Tensor] => [
      name, new Tensor(this.runtime, extra, extra.address + stateOffsets[i]!, this.#stateShape(name, batch), 'float'),
    ])
    const input = tensors.length === 1 ? tensors[0]![1] : Object.fromEntries(tensors)
    const state = states.length > 0 ? { state: Object.fromEntries(states) } : {}
    const result = { ...(inputGradient && { input }), ...state }
    return {
      plan, programs, extra, zeros: extra.address + zeros, stagedOutput: extra.address + stagedOutput,
      inputs: Object.fromEntries(tensors), result, withoutInput: state,
    }
  }

  #backwardUnit(call: Call, index: number, program: CompiledProgram): PlanUnit {
    const layer = this.#layers[index]!
    return {
      program,
      invariants: layer.invariants,
      gradient: (param) => layer.params.get(param)!.grad.address,
      outside: (value, previous) => {
        if (value.node.op === 'param') return this.#leafEntry(layer, value, call.plan.batch, undefined)
        if (program.graph.inputs.includes(value)) return this.#leafEntry(layer, value, call.plan.batch, previous)
        return layer.invariants.entry(value) ?? call.plan.entry(index, value)
      },
    }
  }

  // Calls

  /** Runs a plan; packs weights anew only where parameters changed since this kind of program packed them. */
  #run(kind: string, plan: Plan): void {
    const program = kind === 'step' ? 'plain' : kind
    const stale = this.#packedAt.get(program) !== this.#block.version
    plan.run(stale)
    this.#packedAt.set(program, this.#block.version)
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
      for (const [i, name] of this.#stateNames().entries()) {
        call.plan.setState(layer, i, this.#layerAddress(initial?.[name], layer), this.#layerAddress(finals?.[name], layer))
      }
    }
  }

  /** Where one layer's part of a state is; 0 where there is none. */
  #layerAddress(state: Tensor | undefined, layer: number): number {
    if (state === undefined) return 0
    return this.#layered ? state.address + (layer * state.size * this.runtime.elementBytes) / this.#layers.length : state.address
  }

  #expectTape(who: string): Tape {
    const tape = this.#tape
    if (tape === undefined) {
      fail('tape', `${who}: there is no tape; call forward in training mode (or with tape: true) right before, and no other forward or step in between`)
    }
    const gone = tape.inputs.find((input) => input.disposed)
    if (gone) fail('tape', `${who}: the input of the recorded forward was disposed of; keep it until backward`)
    return tape
  }

  #pointBackward({ addresses }: Tape, backward: BackwardCall, output: Tensor | undefined, state: Record<string, Tensor> | undefined): void {
    const { plan } = backward
    const { steps, batch } = plan
    const top = this.#layers.length - 1
    for (const [i, leaf] of this.#layers[0]!.graph.inputs.entries()) plan.point(top, leaf, addresses[i]!)
    const incoming = backward.programs.at(-1)!.graph.inputs[0]!
    plan.point(0, incoming, this.#outputGradient(backward, output, steps, batch))
    for (const [unit, layer] of [...this.#layers.keys()].reverse().entries()) this.#pointCarries(backward, unit, layer, state)
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

/** Offsets in an allocation to come, whole cache lines each. */
class Area {
  bytes = 0

  take(bytes: number): number {
    const offset = this.bytes
    this.bytes += Math.ceil(bytes / 64) * 64
    return offset
  }
}

const sizeOfState = (shape: Shape): number => shape.reduce((size, axis) => size * axis, 1)

function disposeCall(call: Call): void {
  for (const { plan, extra } of call.backward.values()) {
    plan.dispose()
    extra.dispose()
  }
  call.plan.dispose()
  call.extra.dispose()
}

function adjointOf(layer: Layer): StepGraph {
  layer.adjoint ??= adjoint(layer.graph)
  return layer.adjoint
}

/** Every value of a layer's step, its delayed reads included. */
function primalValues({ graph }: Layer): Set<Value> {
  const values = new Set<Value>([...graph.inputs, ...graph.params])
  const open = [...graph.outputs, ...graph.states.flatMap((state) => [state.next, ...state.reads.values()])]
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    for (const result of value.node.results) {
      if (values.has(result)) continue
      values.add(result)
    }
    for (const input of value.node.inputs) if (!values.has(input)) open.push(input)
  }
  return values
}

/** The values of the step that its adjoint reads: what the tape holds. */
function savedValues(layer: Layer): Set<Value> {
  const primal = primalValues(layer)
  const graph = adjointOf(layer)
  const saved = new Set<Value>()
  const seen = new Set<Value>()
  const roots = [...graph.outputs, ...graph.states.map((state) => state.next), ...graph.gradients.map((term) => term.value)]
  for (let value = roots.pop(); value !== undefined; value = roots.pop()) {
    if (seen.has(value)) continue
    seen.add(value)
    if (!primal.has(value)) roots.push(...value.node.inputs)
    else if (value.rows === 'batch' && !(isLeaf(value) && value.node.op === 'input')) saved.add(value)
  }
  return saved
}
