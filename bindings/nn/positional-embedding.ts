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
import { type Parameter, ParameterBlock } from '../module/parameters.ts'
import { Recorder, expectRecordOptions } from '../module/recorder.ts'
import type { State } from '../module/state.ts'
import { type StepInput, StepRows, isRows } from '../module/step-rows.ts'
import { type Tape, expectTape } from '../module/tape.ts'
import { Workspace } from '../module/workspace.ts'
import { expectOptions, expectPositive, expectShape, expectTensor, fail, shapeText } from '../runtime/check.ts'
import type { Allocation } from '../runtime/heap.ts'
import { type Runtime, expectRuntime } from '../runtime/runtime.ts'
import type { Tensor } from '../runtime/tensor.ts'

export interface PositionalEmbeddingOptions {
  /** Steps that a sequence may have. */
  maxLength: number
  /** Columns of the input. */
  embeddingDim: number
}

/** What a recorded forward leaves for backward. */
interface Recorded {
  readonly first: number
  readonly steps: number
  readonly batch: number
  readonly lengths: Int32Array | undefined
}

/**
 * x_t + P_t on [T, B, embeddingDim], P a learned table [maxLength, embeddingDim], U(±1/√embeddingDim) at first. State { length: [1] }
 * counts the steps before the first one, so that streams and split sequences go on where they were.
 */
export class PositionalEmbedding extends Module {
  declare readonly options: Readonly<PositionalEmbeddingOptions>
  readonly maxLength: number
  readonly embeddingDim: number
  readonly #block: ParameterBlock
  readonly #output: Workspace
  readonly #length: Workspace
  readonly #gradient: Workspace
  readonly #partial: Workspace
  readonly #padding: Padding
  readonly #rows: StepRows
  readonly #recorder: Recorder<Recorded>

  constructor(runtime: Runtime, options: PositionalEmbeddingOptions) {
    expectRuntime('PositionalEmbedding', runtime)
    expectOptions('PositionalEmbedding', options, ['maxLength', 'embeddingDim'])
    super(runtime, 'PositionalEmbedding', options)
    this.maxLength = expectPositive('PositionalEmbedding', 'maxLength', options.maxLength)
    this.embeddingDim = expectPositive('PositionalEmbedding', 'embeddingDim', options.embeddingDim)
    this.#block = new ParameterBlock(runtime, new Map([['weight', [this.maxLength, this.embeddingDim]]]))
    this.#block.fillUniform(runtime.nextModule(), () => 1 / runtime.core.squareRoot(this.embeddingDim))
    this.#output = new Workspace(runtime, 'PositionalEmbedding')
    this.#length = new Workspace(runtime, 'PositionalEmbedding')
    this.#gradient = new Workspace(runtime, 'PositionalEmbedding')
    this.#partial = new Workspace(runtime, 'PositionalEmbedding')
    this.#padding = new Padding(runtime, 'PositionalEmbedding')
    this.#rows = new StepRows(runtime, 'PositionalEmbedding')
    this.#recorder = new Recorder(this, this.#output)
  }

  override forward(input: Input, options: ForwardOptions = {}): ForwardResult {
    this.expectAlive('forward')
    const who = 'PositionalEmbedding.forward'
    const x = expectTensor(who, 'input', input, this.runtime)
    expectShape(who, 'input', x.shape, ['T', 'B', this.embeddingDim], `embeddingDim is ${this.embeddingDim}`)
    const recording = expectRecordOptions(who, this, options, x.shape, false)
    const [steps, batch] = x.shape as [number, number]
    const first = this.#first(who, options.state, steps)
    if (x.size === 0) fail('shape', `${who}: input is ${shapeText(x.shape)}; expected no empty axis`)
    const { lengths } = recording
    return this.#recorder.record(x.shape, recording, { first, steps, batch, lengths }, (output) => {
      this.#add(x, first, steps, batch, output)
      this.#padding.clear(output, lengths, false)
      const length = recording.keep ? this.runtime.emptyTensor([1]) : this.#length.take([1])
      length.data[0] = first + steps
      return { state: { length } }
    })
  }

  override step(input: StepInput, state?: State): ForwardResult {
    this.expectAlive('step')
    const who = 'PositionalEmbedding.step'
    const length = (state as Record<string, Tensor> | undefined)?.['length']
    if (!length) fail('type', `${who}: state${state ? '.length' : ''} is missing; make one with initialState(batch)`)
    expectOptions(`${who}: state`, state, ['length'])
    const x = expectTensor(who, 'input', this.stepInput(input), this.runtime)
    expectShape(who, 'input', x.shape, ['B', this.embeddingDim], `embeddingDim is ${this.embeddingDim}`)
    const first = this.#first(who, state, 1)
    const output = this.#output.take(x.shape)
    this.#add(x, first, 1, x.shape[0]!, output)
    this.#recorder.last = undefined
    length.data[0] = first + 1
    return { output, state }
  }

  override stepInput(input: StepInput): Input {
    return isRows(input)
      ? this.#rows.place('PositionalEmbedding.step', 'input', input, this.embeddingDim)
      : (input as Input)
  }

  override backward(gradients: OutputGradients, options: BackwardOptions = {}): InputGradients {
    this.expectAlive('backward')
    const who = 'PositionalEmbedding.backward'
    expectBackwardOptions(who, gradients, options)
    const { first, steps, batch, lengths } = expectTape(who, this, options.tape, this.#recorder.last).data
    const given = expectTensor(who, 'output', gradients.output, this.runtime)
    expectShape(who, 'output', given.shape, [steps, batch, this.embeddingDim])
    const gradient = this.#clearedCopy(given, lengths)
    const [{ grad }] = this.#block.parameters as [Parameter]
    if (!this.#block.frozen.has('weight')) {
      const partial = this.#partial.take([this.embeddingDim]).address
      const table = this.#row(grad, first)
      this.runtime.core.addStepSums(steps, batch, this.embeddingDim, gradient.address, table, partial)
    }
    return { input: gradient }
  }

  override get lastTape(): Tape | undefined {
    return this.#recorder.last
  }

  override get hasState(): boolean {
    return true
  }

  override checkState(who: string, state: State | undefined): void {
    if (state !== undefined) this.#first(who, state, 0)
  }

  override initialState(): State {
    return { length: this.runtime.ownTensor([1]) }
  }

  override owns(storage: Allocation): boolean {
    return this.#output.owns(storage) || this.#gradient.owns(storage)
  }

  override blocks(): ParameterBlock[] {
    return [this.#block]
  }

  override parameters(): Parameter[] {
    this.expectAlive('parameters')
    return [...this.#block.parameters]
  }

  protected override release(): void {
    for (const part of [
      this.#block,
      this.#output,
      this.#length,
      this.#gradient,
      this.#partial,
      this.#padding,
      this.#rows,
    ])
      part.dispose()
  }

  #first(who: string, state: State | undefined, steps: number): number {
    const length = state === undefined ? undefined : (state as Record<string, Tensor>)['length']
    if (length !== undefined)
      expectShape(who, 'state.length', expectTensor(who, 'state.length', length, this.runtime).shape, [1])
    const first = length?.data[0] ?? 0
    if (!(Number.isSafeInteger(first) && first >= 0))
      fail('range', `${who}: state.length holds ${first}; expected a whole number of steps`)
    if (first + steps > this.maxLength) {
      fail('range', `${who}: steps ${first + 1} to ${first + steps} are asked for; maxLength is ${this.maxLength}`)
    }
    return first
  }

  #row(table: Tensor, row: number): number {
    return table.address + row * this.embeddingDim * this.runtime.elementBytes
  }

  #add(x: Tensor, first: number, steps: number, batch: number, output: Tensor): void {
    const table = this.#row(this.#block.parameters[0]!.value, first)
    this.runtime.core.addStepRows(steps, batch, this.embeddingDim, x.address, table, output.address)
  }

  /** What is the caller's is not given as a result: who receives a result may write to it. */
  #clearedCopy(gradient: Tensor, lengths: Int32Array | undefined): Tensor {
    const copy = this.#gradient.take(gradient.shape)
    this.runtime.core.copyBytes(copy.address, gradient.address, gradient.size * this.runtime.elementBytes)
    this.#padding.clear(copy, lengths, false)
    return copy
  }
}
