import { Module } from '../module/module.ts'
import {
  type BackwardOptions,
  type ForwardOptions,
  type ForwardResult,
  type Input,
  type InputGradients,
  type OutputGradients,
  expectBackwardOptions,
} from '../module/options.ts'
import { Padding } from '../module/padding.ts'
import type { Parameter, ParameterBlock } from '../module/parameters.ts'
import { Recorder, expectRecordOptions } from '../module/recorder.ts'
import { fillIn } from '../module/remember.ts'
import type { State } from '../module/state.ts'
import { type StepInput, StepRows, isRows } from '../module/step-rows.ts'
import { type Tape, expectTape } from '../module/tape.ts'
import { Workspace } from '../module/workspace.ts'
import {
  describeValue,
  expectBoolean,
  expectOptions,
  expectShape,
  expectTensor,
  fail,
  shapeText,
} from '../runtime/check.ts'
import type { Allocation } from '../runtime/heap.ts'
import { type Runtime, expectRuntime } from '../runtime/runtime.ts'
import type { Shape } from '../runtime/tensor.ts'

export interface LastStepOptions {
  /** The input is [B, T, F] rather than [T, B, F]. */
  batchFirst?: boolean
  /** 2: the second half of the columns, a reverse direction's, is taken at the first step, where that direction ends. */
  directions?: 1 | 2
}

/** What a recorded forward leaves for backward. */
interface Recorded {
  readonly shape: Shape
  readonly lengths: Int32Array | undefined
}

/** [T, B, F] → [B, F]: each sample's last step, zeros for a sample of length 0. `step` passes its input through. */
export class LastStep extends Module {
  declare readonly options: Readonly<Required<LastStepOptions>>
  readonly directions: 1 | 2
  readonly #batchFirst: boolean
  readonly #output: Workspace
  readonly #gradient: Workspace
  readonly #padding: Padding
  readonly #rows: StepRows
  readonly #recorder: Recorder<Recorded>

  constructor(runtime: Runtime, options: LastStepOptions = {}) {
    expectRuntime('LastStep', runtime)
    expectOptions('LastStep', options, ['batchFirst', 'directions'])
    super(runtime, 'LastStep', fillIn(options, { batchFirst: false, directions: 1 }))
    this.#batchFirst = expectBoolean('LastStep', 'batchFirst', options.batchFirst ?? false)
    const { directions = 1 } = options
    if (directions !== 1 && directions !== 2)
      fail('option', `LastStep: directions is ${describeValue(directions)}; expected 1 or 2`)
    this.directions = directions
    this.#output = new Workspace(runtime, 'LastStep')
    this.#gradient = new Workspace(runtime, 'LastStep')
    this.#padding = new Padding(runtime, 'LastStep')
    this.#rows = new StepRows(runtime, 'LastStep')
    this.#recorder = new Recorder(this, this.#output)
  }

  override get batchFirst(): boolean | undefined {
    return this.#batchFirst
  }

  override get lastTape(): Tape | undefined {
    return this.#recorder.last
  }

  override get dropsTime(): boolean {
    return true
  }

  override forward(input: Input, options: ForwardOptions = {}): ForwardResult {
    this.expectAlive('forward')
    const who = 'LastStep.forward'
    const { shape, size, address } = expectTensor(who, 'input', input, this.runtime)
    if (shape.length !== 3 || size === 0 || shape[2]! % this.directions !== 0) {
      const axes = this.#batchFirst ? '[B, T, F]' : '[T, B, F]'
      const columns = this.directions === 2 ? ', F even (directions is 2)' : ''
      fail('shape', `${who}: input is ${shapeText(shape)}; expected ${axes}, none of them 0${columns}`)
    }
    const recording = expectRecordOptions(who, this, options, shape, this.#batchFirst)
    this.checkState(`${who}: state`, options.state)
    const data = { shape, lengths: recording.lengths }
    return this.#recorder.record(this.#outputShape(shape), recording, data, (output) =>
      this.#copyEnds(data, address, output.address, true),
    )
  }

  override backward(gradients: OutputGradients, options: BackwardOptions = {}): InputGradients {
    this.expectAlive('backward')
    const who = 'LastStep.backward'
    expectBackwardOptions(who, gradients, options)
    this.checkState(`${who}: state`, gradients.state)
    const recorded = expectTape(who, this, options.tape, this.#recorder.last).data
    const gradient = expectTensor(who, 'output', gradients.output, this.runtime)
    expectShape(who, 'output', gradient.shape, this.#outputShape(recorded.shape))
    const input = this.#gradient.take(recorded.shape)
    this.runtime.core.zeroBytes(input.address, input.size * this.runtime.elementBytes)
    this.#copyEnds(recorded, input.address, gradient.address, false)
    return { input }
  }

  override step(input: StepInput, state?: State): ForwardResult {
    this.expectAlive('step')
    this.checkState('LastStep.step: state', state)
    if (this.directions === 2)
      fail('unsupported', 'LastStep.step: directions is 2: a step needs what comes after it; use forward')
    const output = expectTensor('LastStep.step', 'input', this.stepInput(input), this.runtime)
    this.#recorder.last = undefined
    return { output }
  }

  /** Numbers without a tensor are one row. */
  override stepInput(input: StepInput): Input {
    return isRows(input) ? this.#rows.place('LastStep.step', 'input', input, input.length) : (input as Input)
  }

  override get takesAnyWidth(): boolean {
    return true
  }

  override initialState(): undefined {}

  override owns(storage: Allocation): boolean {
    return this.#output.owns(storage) || this.#gradient.owns(storage)
  }

  override blocks(): ParameterBlock[] {
    return []
  }

  override parameters(): Parameter[] {
    return []
  }

  protected override release(): void {
    for (const part of [this.#output, this.#gradient, this.#padding, this.#rows]) part.dispose()
  }

  #outputShape([first, second, columns]: Shape): [number, number] {
    return [this.#batchFirst ? first! : second!, columns!]
  }

  /** Between the end rows of the sequence at `sequence` and the dense rows at `rows`. */
  #copyEnds({ shape, lengths }: Recorded, sequence: number, rows: number, gather: boolean): void {
    const [first, second, F] = shape as readonly [number, number, number]
    const bytes = F * this.runtime.elementBytes
    const [steps, batch] = this.#batchFirst ? [second, first] : [first, second]
    const [stepStride, sampleStride] = this.#batchFirst ? [bytes, steps * bytes] : [batch * bytes, bytes]
    const placed = lengths ? this.#padding.place(lengths) : 0
    const { core } = this.runtime
    const half = bytes / this.directions
    core.endRows(steps, batch, bytes, half, stepStride, sampleStride, placed, sequence, rows, Number(gather))
  }
}
