/** A module whose output is the fixed point of a step. Each public method reads: check, plan, call, return. */
import { ACTIVATIONS, type ActivationName } from '../cells/activations.ts'
import { equilibriumCell } from '../cells/equilibrium.ts'
import {
  type BackwardOptions,
  FORWARD_OPTIONS,
  type ForwardOptions,
  type ForwardResult,
  type Input,
  type InputGradients,
  Module,
  type OutputGradients,
  type State,
} from '../nn/module.ts'
import { type Parameter, ParameterBlock } from '../nn/parameters.ts'
import { type RecurrentModuleOptions, expectCell } from '../nn/recurrent.ts'
import { Tape, expectTape } from '../nn/tape.ts'
import { type SizedCell, sizeCell } from '../program/trace.ts'
import {
  describeValue,
  expectBoolean,
  expectNumber,
  expectOneOf,
  expectOptions,
  expectPositive,
  expectShape,
  expectTensor,
  fail,
} from '../runtime/check.ts'
import type { Allocation } from '../runtime/heap.ts'
import { type Runtime, expectRuntime } from '../runtime/runtime.ts'
import { Tensor, sizeOf } from '../runtime/tensor.ts'
import { judge } from './failure.ts'
import { type CallShape, ForwardCall, type Model, type NamedStates } from './forward-call.ts'
import { equilibriumGraphs } from './graphs.ts'
import type { SolveInfo } from './info.ts'
import { Programs } from './programs.ts'
import {
  type AdjointName,
  type AdjointOptions,
  LU_COLUMNS,
  type OnFailure,
  type SolverName,
  type SolverOptions,
  adjointSettings,
  expectOnFailure,
  solverSettings,
} from './settings.ts'
import { spectralRadii } from './spectrum.ts'

interface CommonOptions {
  /** How the fixed point is found: a name, or { name, … }; 'auto' if left out. */
  solver?: SolverName | SolverOptions
  /** How backward solves (I - Jᵀ) v = g: a name, or { name, … }; 'gmres' if left out. */
  adjoint?: AdjointName | AdjointOptions
  /** Where samples fail to converge: 'throw' if left out. Solver and adjoint may each have their own. */
  onFailure?: OnFailure
  /** In training, weight · mean ‖J‖² / n is part of the loss that backward differentiates, estimated with `samples` random vectors (1 if left out). */
  jacobianPenalty?: { weight: number; samples?: number }
}

export interface EquilibriumOptions extends CommonOptions {
  /** Columns of the input. */
  inputSize: number
  /** Columns of z. */
  hiddenSize: number
  /** 'tanh' if left out. */
  nonlinearity?: ActivationName
  /** true if left out. */
  bias?: boolean
  /** W is scaled down where its spectral norm would exceed this: below 1, a contraction is guaranteed for a nonlinearity of slope <= 1. */
  spectralNorm?: number
}

export type CellOptions = CommonOptions & Pick<RecurrentModuleOptions, 'cell' | 'sizes' | 'init'>

export type DEQOptions = EquilibriumOptions | CellOptions

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

interface Recorded {
  readonly call: ForwardCall
  readonly inputs: readonly Tensor[]
  readonly noise: readonly Tensor[] | undefined
}

const COMMON = ['solver', 'adjoint', 'onFailure', 'jacobianPenalty']
/** Calls kept for reuse; a further one takes the place of the one that was not used for longest. */
const KEPT_CALLS = 4

/**
 * A deep equilibrium model: z* = F(z*, u), found for each sample on its own, and differentiated where it is by the implicit function theorem.
 * By options F(z, u) = φ(W z + U u + b), or any cell's step. Input [B, I], or [T, B, I]: then each step's search starts from the last step's
 * fixed point. The output is z* (of a cell, its output there), the state the last step's z*.
 *
 * @see Bai, Kolter, Koltun 2019, https://arxiv.org/abs/1909.01377
 */
export class DEQ extends Module {
  readonly #block: ParameterBlock
  readonly #programs: Programs
  readonly #model: Model
  readonly #sized: SizedCell
  readonly #ordinal: number
  readonly #calls = new Map<string, ForwardCall>()
  readonly #lent = new Set<ForwardCall>()
  /** Copies of inputs, and draws, of tapes that are kept. */
  readonly #kept = new Set<Tensor>()
  #noise: Tensor[] = []
  #copies: Tensor[] = []
  #count = 0
  #tape: Tape<Recorded> | undefined
  /** The last fixed point, for `spectralRadius`. */
  #last: Recorded | undefined

  constructor(runtime: Runtime, options: DEQOptions) {
    expectRuntime('DEQ', runtime)
    super(runtime)
    const { sized, starts, nameOf } = 'cell' in (options ?? {}) ? fromCell(options as CellOptions) : fromOptions(options as EquilibriumOptions) // prettier-ignore
    const { solver = 'auto', adjoint = 'gmres', jacobianPenalty } = options
    const onFailure = expectOnFailure('DEQ', options.onFailure ?? 'throw')
    const graphs = equilibriumGraphs('DEQ', sized)
    const settings = {
      solver: solverSettings('DEQ', runtime, solver, onFailure),
      adjoint: adjointSettings('DEQ', runtime, adjoint, onFailure),
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
    this.#programs = new Programs(runtime, graphs, params, this.#block)
    this.#model = { ...settings, programs: this.#programs }
  }

  override get hasState(): boolean {
    return true
  }

  override get callCount(): number {
    return this.#count
  }

  override set callCount(count: number) {
    this.#count = count
  }

  override owns(storage: Allocation): boolean {
    return [...this.#calls.values(), ...this.#lent].some((call) => call.owns(storage))
  }

  override blocks(): ParameterBlock[] {
    return [this.#block]
  }

  override parameters(): Parameter[] {
    this.expectAlive('parameters')
    return [...this.#block.parameters]
  }

  override checkState(who: string, state: State | undefined, batch = this.#tape?.data.call.shape.batch): void {
    this.#expectState(who, state, batch ?? 0)
  }

  /** @throws RetrogradError 'convergence' where samples do not converge, unless `onFailure` says otherwise */
  override forward(input: Input, options: ForwardOptions = {}): DEQForwardResult {
    const who = this.#enter('forward')
    const { tape, keep } = this.#expectForwardOptions(who, options)
    const given = this.#inputTensors(who, input)
    const shape = this.#shapeOf(who, given, false)
    const initial = this.#expectState(who, options.state, shape.batch)
    const call = this.#take(shape, keep)
    try {
      return this.#run(who, call, given, initial, { tape, keep })
    } catch (error) {
      if (keep) this.#giveBack(call)
      throw error
    }
  }

  /** One step of a stream: u [B, I]; the search starts from the state, which becomes the fixed point. */
  override step(input: Input, state?: State): DEQForwardResult {
    const who = this.#enter('step')
    const given = this.#inputTensors(who, input)
    const shape = this.#shapeOf(who, given, true)
    const initial = this.#expectState(who, state, shape.batch)
    if (initial === undefined) fail('type', `${who}: state is missing; make one with initialState(${shape.batch})`)
    const call = this.#take(shape, false)
    const result = this.#run(who, call, given, initial, { tape: false, keep: false })
    for (const [name, tensor] of Object.entries(initial)) {
      this.runtime.core.copyBytes(tensor.address, call.state[name]!.address, tensor.size * this.runtime.elementBytes)
    }
    return { ...result, state: initial }
  }

  /** @throws RetrogradError 'convergence' where the adjoint solve fails, unless `onFailure` says otherwise; no gradient has changed then */
  override backward(gradients: OutputGradients, options: BackwardOptions = {}): DEQInputGradients {
    const who = this.#enter('backward')
    expectOptions(who, gradients, ['output', 'state'])
    expectOptions(who, options, ['inputGradient', 'tape'])
    const inputGradient = expectBoolean(who, 'inputGradient', options.inputGradient ?? true)
    const { call, inputs, noise } = expectTape(who, this, options.tape, this.#tape).data
    if (inputs.some((tensor) => tensor.disposed))
      fail('tape', `${who}: the input of the recorded forward was disposed of; keep it until backward`)
    const output = gradients.output && expectTensor(who, 'output', gradients.output, this.runtime)
    if (output) expectShape(who, 'output', output.shape, call.output.shape.map(Number))
    const state = this.#expectState(who, gradients.state, call.shape.batch)
    if (!output && !state) fail('type', `${who}: neither output nor state is given; expected a gradient by one of them`)
    const backward = call.backward({ inputGradient, frozen: new Set(this.#block.frozen) })
    const leaving = backward.run({ output, state, inputs, noise })
    const names = [...this.#sized.inputs.keys()]
    const byInput =
      names.length === 1 ? leaving.inputs[0] : Object.fromEntries(names.map((name, i) => [name, leaving.inputs[i]!]))
    return { ...(inputGradient && { input: byInput }), state: leaving.state, info: leaving.info }
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
    if (inputs.some((tensor) => tensor.disposed))
      fail('tape', `${who}: the input of the last forward was disposed of; keep it until now`)
    const radii = spectralRadii(call, inputs)
    return perSample ? radii : Math.max(...radii)
  }

  override initialState(batch: number): { [name: string]: Tensor } {
    const who = this.#enter('initialState')
    if (!Number.isSafeInteger(batch) || batch < 1)
      fail('range', `${who}: batch is ${describeValue(batch)}; expected a whole number >= 1`)
    const { parts } = this.#programs.graphs
    return Object.fromEntries(parts.map(({ name, columns }) => [name, this.runtime.emptyTensor([batch, columns])]))
  }

  protected override release(): void {
    for (const call of [...this.#calls.values(), ...this.#lent]) call.dispose()
    for (const tensor of [...this.#noise, ...this.#copies, ...this.#kept]) tensor.dispose()
    this.#programs.dispose()
    this.#block.dispose()
    this.#tape = undefined
    this.#last = undefined
  }

  #enter(method: string): string {
    this.expectAlive(method)
    return `DEQ.${method}`
  }

  #run(
    who: string,
    call: ForwardCall,
    given: readonly Tensor[],
    initial: NamedStates | undefined,
    { tape, keep }: { tape: boolean; keep: boolean },
  ): DEQForwardResult {
    this.#tape = undefined
    this.#last = undefined
    const inputs = this.#outside(given, keep)
    const solved = call.solve(inputs, initial)
    const seed = this.#count++
    judge(who, solved, this.#model.solver)
    call.finish(inputs)
    const { weight, samples } = this.#model.penalty
    const noise = tape && this.training && weight > 0 ? this.#draw(call.shape, seed, samples, keep) : undefined
    const info = noise
      ? { ...solved, trace: solved.trace, jacobianPenalty: this.#penaltyOf(call, inputs, noise) }
      : solved
    this.#last = { call, inputs, noise }
    if (tape && !keep) this.#tape = new Tape(this, this.#last)
    const result = { output: call.output, state: call.state, info }
    return keep ? { ...result, tape: this.#keptTape(this.#last, given) } : result
  }

  #keptTape(recorded: Recorded, given: readonly Tensor[]): Tape<Recorded> {
    const own = [...(recorded.noise ?? []), ...recorded.inputs.filter((tensor, i) => tensor !== given[i])]
    for (const tensor of own) this.#kept.add(tensor)
    return new Tape(this, recorded, () => {
      if (this.#last === recorded) this.#last = undefined
      for (const tensor of own) {
        this.#kept.delete(tensor)
        tensor.dispose()
      }
      this.#giveBack(recorded.call)
    })
  }

  #penaltyOf(call: ForwardCall, inputs: readonly Tensor[], noise: readonly Tensor[]): number {
    const { core } = this.runtime
    const side = call.penalty()
    const rows = call.shape.steps * call.shape.batch
    let total = 0
    for (const epsilon of noise) {
      side.run([...call.leaves(inputs), epsilon.address])
      total += core.total(rows, side.result)
    }
    return total / (rows * noise.length)
  }

  /** Normal draws, keyed by (seed, module, call, sample of the estimate). */
  #draw(shape: CallShape, call: number, samples: number, keep: boolean): Tensor[] {
    const { core, seed } = this.runtime
    const sizes = [shape.steps * shape.batch, this.#programs.graphs.columns]
    const fits = this.#noise[0]?.size === sizeOf(sizes)
    if (!keep && !fits) {
      for (const tensor of this.#noise) tensor.dispose()
      this.#noise = Array.from({ length: samples }, () => this.runtime.emptyTensor(sizes))
    }
    const noise = keep ? Array.from({ length: samples }, () => this.runtime.emptyTensor(sizes)) : this.#noise
    for (const [i, { size, address }] of noise.entries()) {
      core.fillNormal(
        size,
        0,
        1,
        seed >>> 0,
        Math.floor(seed / 2 ** 32),
        this.#ordinal,
        NOISE + call * samples + i,
        address,
      )
    }
    return noise
  }

  #expectForwardOptions(who: string, options: ForwardOptions): { tape: boolean; keep: boolean } {
    expectOptions(who, options, FORWARD_OPTIONS)
    for (const name of ['lengths', 'truncation', 'checkpoint'] as const) {
      if (options[name] !== undefined)
        fail('unsupported', `${who}: ${name} is given; a fixed point is not unrolled over time`)
    }
    const keep = expectBoolean(who, 'keep', options.keep ?? false)
    const tape = expectBoolean(who, 'tape', options.tape ?? (this.training || keep))
    if (keep && !tape) fail('option', `${who}: keep is true and tape false; expected a tape to keep`)
    return { tape, keep }
  }

  #inputTensors(who: string, input: Input): Tensor[] {
    const names = [...this.#sized.inputs.keys()]
    if (names.length === 1 && (input instanceof Tensor || !Object.hasOwn(Object(input), names[0]!))) {
      return [expectTensor(who, 'input', input, this.runtime)]
    }
    expectOptions(`${who}: input`, input, names)
    return names.map((name) =>
      expectTensor(who, `input '${name}'`, (input as Record<string, Tensor>)[name], this.runtime),
    )
  }

  #shapeOf(who: string, inputs: readonly Tensor[], isStep: boolean): CallShape {
    const leading = inputs[0]!.shape.slice(0, -1)
    const sizes = [...this.#sized.inputs]
    for (const [i, [name, columns]] of sizes.entries()) {
      const label = sizes.length === 1 ? 'input' : `input '${name}'`
      const axes = i > 0 ? leading : leading.length === 2 && !isStep ? ['T', 'B'] : ['B']
      expectShape(who, label, inputs[i]!.shape, [...axes, columns], sizes.length === 1 ? `inputSize is ${columns}` : '')
    }
    const [steps, batch] = leading.length === 2 ? [leading[0]!, leading[1]!] : [1, leading[0]!]
    if (steps < 1 || batch < 1) fail('shape', `${who}: input is empty; expected at least one step and one sample`)
    return { steps, batch, leading }
  }

  #expectState(who: string, state: State | undefined, batch: number): NamedStates | undefined {
    if (state === undefined) return undefined
    const { parts } = this.#programs.graphs
    const names = parts.map(({ name }) => name)
    expectOptions(`${who}: state`, state, names)
    const tensors = state as Record<string, Tensor>
    for (const { name, columns } of parts) {
      const tensor = expectTensor(who, `state.${name}`, tensors[name], this.runtime)
      expectShape(who, `state.${name}`, tensor.shape, [batch, columns])
    }
    return tensors
  }

  /** An input that is a result of this module would be overwritten by the call. */
  #outside(inputs: readonly Tensor[], keep: boolean): Tensor[] {
    const { core, elementBytes } = this.runtime
    return inputs.map((tensor, i) => {
      if (!this.owns(tensor.storage)) return tensor
      if (keep) return tensor.clone()
      let copy = this.#copies[i]
      if (copy?.size !== tensor.size) {
        copy?.dispose()
        this.#copies[i] = copy = this.runtime.emptyTensor(tensor.shape)
      }
      core.copyBytes(copy.address, tensor.address, tensor.size * elementBytes)
      return copy
    })
  }

  #take(shape: CallShape, keep: boolean): ForwardCall {
    const key = shape.leading.join()
    const call = this.#calls.get(key) ?? new ForwardCall(this.#model, shape)
    this.#calls.delete(key)
    if (keep) this.#lent.add(call)
    else this.#put(key, call)
    return call
  }

  #put(key: string, call: ForwardCall): void {
    this.#calls.set(key, call)
    if (this.#calls.size <= KEPT_CALLS) return
    const [oldest, dropped] = this.#calls.entries().next().value!
    this.#calls.delete(oldest)
    dropped.dispose()
  }

  #giveBack(call: ForwardCall): void {
    if (!this.#lent.delete(call)) return
    const key = call.shape.leading.join()
    if (this.#calls.has(key) || this.#calls.size >= KEPT_CALLS) call.dispose()
    else this.#calls.set(key, call)
  }
}

/** Keeps these draws apart from a module's others. */
const NOISE = 0x4a41_0000

interface Choice {
  readonly sized: SizedCell
  /** Where a parameter's initial values are drawn from. */
  starts(param: string, shape: readonly number[], runtime: Runtime): number | readonly [number, number]
  nameOf(param: string): string
}

function fromOptions(options: EquilibriumOptions): Choice {
  expectOptions('DEQ', options, ['inputSize', 'hiddenSize', 'nonlinearity', 'bias', 'spectralNorm', ...COMMON])
  const names = Object.keys(ACTIVATIONS) as ActivationName[]
  const nonlinearity = expectOneOf('DEQ', 'nonlinearity', options.nonlinearity ?? 'tanh', names)
  const bias = expectBoolean('DEQ', 'bias', options.bias ?? true)
  const I = expectPositive('DEQ', 'inputSize', options.inputSize)
  const H = expectPositive('DEQ', 'hiddenSize', options.hiddenSize)
  const { spectralNorm } = options
  if (spectralNorm !== undefined && !(expectNumber('DEQ', 'spectralNorm', spectralNorm) > 0))
    fail('option', `DEQ: spectralNorm is ${spectralNorm}; expected a number > 0`)
  return {
    sized: sizeCell(equilibriumCell({ nonlinearity, bias, spectralNorm }), { I, H }),
    starts: (_param, _shape, { core }) => 1 / core.squareRoot(H),
    nameOf: (param) => param.replace(/[A-Z]/, (letter) => `_${letter.toLowerCase()}`),
  }
}

function fromCell(options: CellOptions): Choice {
  expectOptions('DEQ', options, ['cell', 'sizes', 'init', ...COMMON])
  const { sized, starts } = expectCell('DEQ', options)
  return { sized, starts: (param, shape, runtime) => starts(param, shape, runtime), nameOf: (param) => param }
}

function expectPenalty(given: { weight: number; samples?: number } | undefined): Model['penalty'] {
  if (given === undefined) return { weight: 0, samples: 1 }
  expectOptions('DEQ: jacobianPenalty', given, ['weight', 'samples'])
  return {
    weight: expectNumber('DEQ: jacobianPenalty', 'weight', given.weight, 0, Number.MAX_VALUE),
    samples: expectPositive('DEQ: jacobianPenalty', 'samples', given.samples ?? 1),
  }
}
