/** A module whose output is the fixed point of a step. Each public method reads: check, plan, call, return. */
import { type CallMemory, Calls } from '../module/calls.ts'
import { expectCheckpointing } from '../module/checkpointing.ts'
import { inputTensors } from '../module/inputs.ts'
import { expectLengths } from '../module/lengths.ts'
import { Module } from '../module/module.ts'
import {
  type BackwardOptions,
  type ForwardOptions,
  type ForwardResult,
  type Input,
  type InputGradients,
  type OutputGradients,
  type TapeChoice,
  expectBackwardOptions,
  expectForwardOptions,
} from '../module/options.ts'
import { type Parameter, ParameterBlock } from '../module/parameters.ts'
import type { NamedStates, State } from '../module/state.ts'
import { type StepInput, StepInputs } from '../module/step-rows.ts'
import { Tape, expectTape, keptWith } from '../module/tape.ts'
import { expectTruncation } from '../module/truncation.ts'
import type { SizedCell } from '../program/trace.ts'
import { describeValue, expectBoolean, expectOptions, expectShape, expectTensor, fail } from '../runtime/check.ts'
import type { Allocation } from '../runtime/heap.ts'
import { type Runtime, expectRuntime } from '../runtime/runtime.ts'
import { Tensor } from '../runtime/tensor.ts'
import { adjointCallOf } from './adjoint-call.ts'
import { EquilibriumCall, type Model, type SolveShape, shapeKey } from './call.ts'
import { judge } from './failure.ts'
import { expectPoints, expectSolveShape } from './given.ts'
import { equilibriumGraphs } from './graphs.ts'
import type { SolveInfo } from './info.ts'
import { drawNoise, penaltyOf } from './noise.ts'
import { type DEQOptions, type FilledOptions, choose } from './options.ts'
import { expectPenalty } from './penalty.ts'
import { EquilibriumPrograms } from './programs.ts'
import { LU_COLUMNS, adjointSettings, expectOnFailure, settingsFor, solverSettings } from './settings.ts'
import { spectralRadii } from './spectrum.ts'

export interface DEQForwardResult extends ForwardResult {
  readonly state: { [name: string]: Tensor }
  readonly info: DEQInfo
}

export interface DEQInfo extends SolveInfo {
  /** The estimate of mean ‖J‖² / n, where it is part of the loss. */
  readonly jacobianPenalty?: number
}

export interface DEQInputGradients extends InputGradients {
  /** Of the adjoint solve; undefined for 'unrolled', which solves nothing. */
  readonly info: SolveInfo | undefined
}

/** What a run reads, in memory that it does not overwrite. */
interface Read {
  readonly inputs: readonly Tensor[]
  readonly initial: NamedStates | undefined
  readonly lengths: Int32Array | undefined
}

interface Recorded {
  readonly call: EquilibriumCall
  /** What the programs read. */
  readonly inputs: readonly Tensor[]
  readonly noise: readonly Tensor[] | undefined
}

/**
 * A deep equilibrium model: z* = F(z*, u), found for each sample on its own, and differentiated where it is by the implicit function theorem.
 * By options F(z, u) = φ(W z + U u + b), or any cell's step. Input [B, I], or [T, B, I]: then each step's search starts from the last step's
 * fixed point. The output is z* (of a cell, its output there), the state the last step's z*.
 *
 * @see Bai, Kolter, Koltun 2019, https://arxiv.org/abs/1909.01377
 */
export class DEQ extends Module {
  declare readonly options: Readonly<FilledOptions>
  readonly #block: ParameterBlock
  readonly #programs: EquilibriumPrograms
  readonly #model: Model
  readonly #sized: SizedCell
  readonly #calls: Calls<EquilibriumCall>
  readonly #rows: StepInputs
  /** Stands among modules that take [B, T, F]. */
  #followsBatch = false
  readonly #ordinal: number
  #count = 0
  #tape: Tape<Recorded> | undefined
  /** The last fixed point, for `spectralRadius`. */
  #last: Recorded | undefined

  constructor(runtime: Runtime, options: DEQOptions) {
    expectRuntime('DEQ', runtime)
    const { filled, sized, starts, nameOf } = choose(options)
    super(runtime, 'DEQ', filled)
    const { solver, adjoint, jacobianPenalty } = filled
    const onFailure = expectOnFailure('DEQ', filled.onFailure)
    const graphs = equilibriumGraphs('DEQ', sized)
    const settings = {
      solver: settingsFor(solverSettings('DEQ', runtime, solver, onFailure), graphs.columns),
      adjoint: settingsFor(adjointSettings('DEQ', runtime, adjoint, onFailure), graphs.columns),
      penalty: expectPenalty(jacobianPenalty),
      who: 'DEQ',
    }
    if (settings.adjoint.name === 'lu' && graphs.columns > LU_COLUMNS)
      fail('option', `DEQ: adjoint 'lu' with n = ${graphs.columns}; it takes n <= ${LU_COLUMNS}: take gmres`)
    if (settings.adjoint.name === 'unrolled' && settings.solver.name !== 'picard')
      fail('option', `DEQ: adjoint 'unrolled' goes through the iterations of picard; solver is ${settings.solver.name}`)
    this.#sized = sized
    this.#ordinal = runtime.nextModule()
    const shapes = new Map([...sized.params].map(([param, shape]) => [nameOf(param), shape]))
    this.#block = new ParameterBlock(runtime, shapes)
    const byName = new Map(this.#block.parameters.map((parameter) => [parameter.name, parameter]))
    const params = new Map([...sized.params.keys()].map((param) => [param, byName.get(nameOf(param))!]))
    const bounds = new Map([...sized.params].map(([param, shape]) => [nameOf(param), starts(param, shape, runtime)]))
    this.#block.fillUniform(this.#ordinal, (name) => bounds.get(name)!)
    this.#programs = new EquilibriumPrograms(runtime, graphs, params, this.#block)
    this.#model = { ...settings, programs: this.#programs }
    this.#calls = new Calls(runtime)
    this.#rows = new StepInputs(runtime, 'DEQ', sized.inputs)
  }

  override get hasState(): boolean {
    return true
  }

  override followOrder(batchFirst: boolean): void {
    this.#followsBatch = batchFirst
  }

  override stepInput(input: StepInput): Input {
    return input instanceof Tensor ? input : this.#rows.of('DEQ.step', input)
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

  override owns(storage: Allocation): boolean {
    return this.#calls.owns(storage)
  }

  override blocks(): ParameterBlock[] {
    return [this.#block]
  }

  override parameters(): Parameter[] {
    this.expectAlive('parameters')
    return [...this.#block.parameters]
  }

  override checkState(who: string, state: State | undefined, batch = this.#tape?.data.call.shape.batch): void {
    this.#expectState(who, state, batch)
  }

  /** @throws RetrogradError 'convergence' where samples do not converge, unless `onFailure` says otherwise */
  override forward(input: Input, options: ForwardOptions = {}): DEQForwardResult {
    const who = this.#enter('forward')
    const { tape, keep } = this.#expectForwardOptions(who, options)
    const given = this.#inputTensors(who, input)
    const shape = this.#shapeOf(who, given, false, options.lengths !== undefined)
    const initial = this.#expectState(who, options.state, shape.batch)
    const lengths = this.#expectLengths(who, options.lengths, shape)
    const read = () => [...given, ...Object.values(initial ?? {})]
    const { call, giveBack } = this.#plan(shape, keep, read)
    try {
      const recorded = this.#run(who, call, this.#outside(call, given, initial, lengths), tape)
      if (tape && !keep) this.#tape = new Tape(this, recorded.data)
      if (!keep) return recorded.result
      const kept = keptWith(this.#keptTape(recorded.data, giveBack!), recorded.result)
      return { ...recorded.result, ...kept } as DEQForwardResult
    } catch (error) {
      giveBack?.()
      throw error
    }
  }

  /** One step of a stream: u [B, I]; the search starts from the state, which becomes the fixed point. */
  override step(input: StepInput, state?: State): DEQForwardResult {
    const who = this.#enter('step')
    const given = this.#inputTensors(who, this.stepInput(input))
    const shape = this.#shapeOf(who, given, true, false)
    const initial = this.#expectState(who, state, shape.batch)
    if (initial === undefined) fail('type', `${who}: state is missing; make one with initialState(${shape.batch})`)
    const { call } = this.#plan(shape, false, () => [...given, ...Object.values(initial)])
    const { result } = this.#run(who, call, this.#outside(call, given, initial), false)
    for (const [name, tensor] of Object.entries(initial)) {
      this.runtime.core.copyBytes(tensor.address, call.state[name]!.address, tensor.size * this.runtime.elementBytes)
    }
    return { ...result, state: initial }
  }

  /** @throws RetrogradError 'convergence' where the adjoint solve fails, unless `onFailure` says otherwise; no gradient has changed then */
  override backward(gradients: OutputGradients, options: BackwardOptions = {}): DEQInputGradients {
    const who = this.#enter('backward')
    const { inputGradient } = expectBackwardOptions(who, gradients, options)
    const { call, inputs, noise } = expectTape(who, this, options.tape, this.#tape).data
    const output = gradients.output && expectTensor(who, 'output', gradients.output, this.runtime)
    if (output) expectShape(who, 'output', output.shape, call.output.shape.map(Number))
    const state = this.#expectState(who, gradients.state, call.shape.batch)
    if (!output && !state) fail('type', `${who}: neither output nor state is given; expected a gradient by one of them`)
    const backward = adjointCallOf(call, { inputGradient, frozen: new Set(this.#block.frozen) })
    const { copies } = backward
    const entering = output && copies.of('output', output)
    const incoming = state && copies.ofStates('state', state)
    const leaving = backward.run({ output: entering, state: incoming, inputs, noise })
    const names = [...this.#sized.inputs.keys()]
    const byInput =
      names.length === 1 ? leaving.inputs[0] : Object.fromEntries(names.map((name, i) => [name, leaving.inputs[i]!]))
    return { ...(inputGradient && { input: byInput }), state: { ...leaving.state }, info: leaving.info }
  }

  /**
   * The spectral radius of J = ∂F/∂z at the last forward's fixed points, by Arnoldi's process: the greatest over the batch, or one for each
   * sample ([B], or [T · B]).
   */
  spectralRadius(options?: { perSample?: false }): number
  spectralRadius(options: { perSample: true }): Float64Array
  spectralRadius(options: { perSample?: boolean } = {}): number | Float64Array {
    const who = this.#enter('spectralRadius')
    expectOptions(who, options, ['perSample'])
    const perSample = expectBoolean(who, 'perSample', options.perSample ?? false)
    if (this.#last === undefined) fail('tape', `${who}: there is no fixed point; call forward first`)
    const { call, inputs } = this.#last
    const radii = spectralRadii(call, inputs)
    if (radii.some(Number.isNaN))
      fail(
        'non-finite',
        `${who}: a product with the Jacobian is not finite at a fixed point; there is no spectral radius`,
      )
    return perSample ? radii : radii.reduce((greatest, radius) => Math.max(greatest, radius), 0)
  }

  override initialState(batch: number): { [name: string]: Tensor } {
    const who = this.#enter('initialState')
    if (!Number.isSafeInteger(batch) || batch < 1)
      fail('range', `${who}: batch is ${describeValue(batch)}; expected a whole number >= 1`)
    const { parts } = this.#programs.graphs
    return Object.fromEntries(parts.map(({ name, columns }) => [name, this.runtime.ownTensor([batch, columns])]))
  }

  protected override release(): void {
    this.#calls.dispose()
    this.#rows.dispose()
    this.#programs.dispose()
    this.#block.dispose()
    this.#tape = undefined
    this.#last = undefined
  }

  #enter(method: string): string {
    this.expectAlive(method)
    return `DEQ.${method}`
  }

  #plan(
    shape: SolveShape,
    keep: boolean,
    read: () => readonly Tensor[],
  ): { call: EquilibriumCall; giveBack?: () => void } {
    const plan = (memory: CallMemory) => new EquilibriumCall(memory, this.#model, shape)
    const key = shapeKey(shape)
    return keep ? this.#calls.lend(key, plan) : { call: this.#calls.take(key, plan, read) }
  }

  #outside(
    { memory: { copies } }: EquilibriumCall,
    inputs: readonly Tensor[],
    initial: NamedStates | undefined,
    lengths?: Read['lengths'],
  ): Read {
    return {
      lengths,
      // backward reads them, and so does spectralRadius, while the caller may fill his own anew
      inputs: inputs.map((tensor, i) => copies.keep('input', tensor, i)),
      initial: initial && copies.ofStates('state', initial),
    }
  }

  #run(
    who: string,
    call: EquilibriumCall,
    read: Read,
    tape: boolean,
  ): { data: Recorded; result: Omit<DEQForwardResult, 'tape'> } {
    this.#tape = undefined
    this.#last = undefined
    const inputs = read.lengths ? call.padding!.takeInputs(read.inputs, read.lengths) : read.inputs
    const solved = call.solve(inputs, read.initial)
    judge(who, solved, this.#model.solver)
    call.finish(inputs)
    const count = this.training ? this.#count++ : this.#count
    const isPenalised = tape && this.training && this.#model.penalty.weight > 0
    const noise = isPenalised ? drawNoise(call, this.#ordinal, count) : undefined
    if (noise) solved.jacobianPenalty = penaltyOf(call, inputs, noise)
    this.#last = { call, inputs, noise }
    return { data: this.#last, result: { output: call.output, state: { ...call.state }, info: solved } }
  }

  #keptTape(recorded: Recorded, giveBack: () => void): Tape<Recorded> {
    return new Tape(this, recorded, () => {
      if (this.#last === recorded) this.#last = undefined
      giveBack()
    })
  }

  #expectForwardOptions(who: string, options: ForwardOptions): TapeChoice {
    const recording = expectForwardOptions(who, options, this.training)
    if (options.truncation !== undefined) expectTruncation(who, options.truncation)
    expectCheckpointing(who, options.checkpoint)
    // an implicit gradient does not go through time, and its memory does not grow with it: nothing to truncate, nothing to checkpoint
    if (this.#model.adjoint.name === 'unrolled' && options.truncation !== undefined)
      fail(
        'unsupported',
        `${who}: truncation is given; adjoint 'unrolled' goes back through all iterations of all steps`,
      )
    return recording
  }

  #expectLengths(who: string, lengths: ForwardOptions['lengths'], shape: SolveShape): Int32Array | undefined {
    if (lengths !== undefined && shape.leading.length < 2)
      fail('option', `${who}: lengths is given; the input [B, I] has no steps`)
    return expectLengths(who, lengths, shape)
  }

  #inputTensors(who: string, input: Input): Tensor[] {
    return inputTensors(who, [...this.#sized.inputs.keys()], input, this.runtime)
  }

  #shapeOf(who: string, inputs: readonly Tensor[], isStep: boolean, hasLengths: boolean): SolveShape {
    return expectSolveShape(who, this.#sized, inputs, { isStep, hasLengths, followsBatch: this.#followsBatch })
  }

  #expectState(who: string, state: State | undefined, batch: number | undefined): NamedStates | undefined {
    return expectPoints(who, this.#programs.graphs, state, batch, this.runtime)
  }
}
