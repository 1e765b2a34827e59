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
import { describeValue, expectOptions, expectPositive, expectTensor, fail, shapeText } from '../runtime/check.ts'
import { type Allocation, roundUp } from '../runtime/heap.ts'
import { type Runtime, expectRuntime } from '../runtime/runtime.ts'
import type { Tensor } from '../runtime/tensor.ts'

export interface EmbeddingOptions {
  /** Rows of the table: ids are 0 to numEmbeddings - 1. */
  numEmbeddings: number
  /** Columns of the table. */
  embeddingDim: number
  /** An id whose row is zeros at first and gets no gradient. */
  paddingIdx?: number
}

/** What a recorded forward leaves for backward. */
interface Recorded {
  /** A copy, for the caller may fill the ids anew; 0 past each sample's end. */
  readonly ids: Tensor
  readonly lengths: Int32Array | undefined
}

/** Elements in the greatest vector of all variants. */
const LANES = 4

/** No id is negative, so that this one passes over no row. */
const NO_PADDING = -1

/**
 * Ids [T, B] (or of any shape) → rows of a table [T, B, embeddingDim]. Gradients are added into the rows that were used.
 * Initial values are U(-√3, √3): of mean 0 and variance 1, as PyTorch's normal ones.
 *
 * @see torch.nn.Embedding
 */
export class Embedding extends Module {
  declare readonly options: Readonly<EmbeddingOptions>
  readonly numEmbeddings: number
  readonly embeddingDim: number
  readonly paddingIdx: number | undefined
  readonly #block: ParameterBlock
  readonly #output: Workspace
  readonly #ids: Workspace
  readonly #recorded: Workspace
  readonly #gradient: Workspace
  /** Scratch of the sums over rows. */
  readonly #order: Workspace
  readonly #ends: Workspace
  readonly #partials: Workspace
  readonly #padding: Padding
  readonly #rows: StepRows
  readonly #recorder: Recorder<Recorded>
  #batchFirst = false

  constructor(runtime: Runtime, options: EmbeddingOptions) {
    expectRuntime('Embedding', runtime)
    expectOptions('Embedding', options, ['numEmbeddings', 'embeddingDim', 'paddingIdx'])
    super(runtime, 'Embedding', options)
    this.numEmbeddings = expectPositive('Embedding', 'numEmbeddings', options.numEmbeddings)
    this.embeddingDim = expectPositive('Embedding', 'embeddingDim', options.embeddingDim)
    const { paddingIdx } = options
    if (
      paddingIdx !== undefined &&
      !(Number.isInteger(paddingIdx) && paddingIdx >= 0 && paddingIdx < this.numEmbeddings)
    ) {
      fail(
        'option',
        `Embedding: paddingIdx is ${describeValue(paddingIdx)}; expected an id from 0 to ${this.numEmbeddings - 1}`,
      )
    }
    this.paddingIdx = paddingIdx
    this.#output = new Workspace(runtime, 'Embedding')
    this.#ids = new Workspace(runtime, 'Embedding', 'int32')
    this.#recorded = new Workspace(runtime, 'Embedding', 'int32')
    this.#gradient = new Workspace(runtime, 'Embedding')
    this.#order = new Workspace(runtime, 'Embedding', 'int32')
    this.#ends = new Workspace(runtime, 'Embedding', 'int32')
    this.#partials = new Workspace(runtime, 'Embedding')
    this.#padding = new Padding(runtime, 'Embedding')
    this.#rows = new StepRows(runtime, 'Embedding', 'int32')
    this.#recorder = new Recorder(this, this.#output)
    this.#block = new ParameterBlock(runtime, new Map([['weight', [this.numEmbeddings, this.embeddingDim]]]))
    this.#block.fillUniform(runtime.nextModule(), () => runtime.core.squareRoot(3))
    if (paddingIdx !== undefined) {
      const rowBytes = this.embeddingDim * runtime.elementBytes
      runtime.core.zeroBytes(this.#weight.value.address + paddingIdx * rowBytes, rowBytes)
    }
  }

  get #weight(): Parameter {
    return this.#block.parameters[0]!
  }

  override forward(input: Input, options: ForwardOptions = {}): ForwardResult {
    this.expectAlive('forward')
    const who = 'Embedding.forward'
    const given = expectTensor(who, 'input', input, this.runtime, 'int32')
    const recording = expectRecordOptions(who, this, options, given.shape, this.#batchFirst)
    this.checkState(`${who}: state`, options.state)
    const { lengths, tape, keep } = recording
    const ids = this.#checkIds('forward', this.#withoutPadding(given, lengths))
    const { tensor: copy, giveBack } = keep ? this.#recorded.lend(ids.shape) : this.#roomFor(tape, ids)
    const compute = (output: Tensor) => {
      const { core } = this.runtime
      core.pickRows(ids.size, this.embeddingDim, this.#weight.value.address, ids.address, output.address)
      this.#padding.clear(output, lengths, this.#batchFirst)
      if (tape) core.copyBytes(copy.address, ids.address, ids.size * this.runtime.bytesOf('int32'))
    }
    const shape = [...ids.shape, this.embeddingDim]
    return this.#recorder.record(shape, recording, { ids: copy, lengths }, compute, giveBack)
  }

  override step(input: StepInput, state?: State): ForwardResult {
    this.expectAlive('step')
    this.checkState('Embedding.step: state', state)
    return this.forward(this.stepInput(input), { tape: false })
  }

  override stepInput(input: StepInput): Input {
    return isRows(input) ? this.#rows.place('Embedding.step', 'input', input) : (input as Input)
  }

  override backward(gradients: OutputGradients, options: BackwardOptions = {}): InputGradients {
    this.expectAlive('backward')
    const who = 'Embedding.backward'
    expectBackwardOptions(who, gradients, options)
    this.checkState(`${who}: state`, gradients.state)
    const { ids, lengths } = expectTape(who, this, options.tape, this.#recorder.last).data
    const given = expectTensor(who, 'output', gradients.output, this.runtime)
    const expected = [...ids.shape, this.embeddingDim]
    if (shapeText(given.shape) !== shapeText(expected)) {
      fail('shape', `${who}: output is ${shapeText(given.shape)}; expected ${shapeText(expected)}`)
    }
    if (this.#block.frozen.has('weight')) return {}
    const padding = this.paddingIdx ?? NO_PADDING
    this.#addRows(padding, this.#clearedGradient(given, lengths), ids)
    return {}
  }

  override get lastTape(): Tape | undefined {
    return this.#recorder.last
  }

  override followOrder(batchFirst: boolean): void {
    this.#batchFirst = batchFirst
  }

  override initialState(): undefined {}

  override owns(storage: Allocation): boolean {
    return this.#output.owns(storage)
  }

  override blocks(): ParameterBlock[] {
    return [this.#block]
  }

  override parameters(): Parameter[] {
    this.expectAlive('parameters')
    return [...this.#block.parameters]
  }

  protected override release(): void {
    const memory = [this.#output, this.#ids, this.#recorded, this.#gradient, this.#order, this.#ends, this.#partials]
    for (const part of [...memory, this.#padding, this.#rows, this.#block]) part.dispose()
  }

  #addRows(padding: number, gradient: Tensor, ids: Tensor): void {
    const { numEmbeddings, embeddingDim } = this
    const [order, ends] = [this.#order.take(ids.shape), this.#ends.take([numEmbeddings])]
    this.runtime.core.addRows(
      ids.size,
      embeddingDim,
      numEmbeddings,
      padding,
      gradient.address,
      ids.address,
      this.#weight.grad.address,
      order.address,
      ends.address,
      this.#partials.take([2, roundUp(embeddingDim, LANES)]).address,
    )
  }

  /** Where the copy of the ids goes that a tape holds until the next one is recorded. */
  #roomFor(tape: boolean, ids: Tensor): { tensor: Tensor; giveBack?: () => void } {
    return { tensor: tape ? this.#recorded.take(ids.shape) : ids }
  }

  /** The ids with 0 past each sample's end, which then can be picked like any other. */
  #withoutPadding(ids: Tensor, lengths: Int32Array | undefined): Tensor {
    if (lengths === undefined) return ids
    const copy = this.#ids.take(ids.shape)
    this.runtime.core.copyBytes(copy.address, ids.address, ids.size * this.runtime.bytesOf('int32'))
    this.#padding.clear(copy, lengths, this.#batchFirst)
    return copy
  }

  #clearedGradient(gradient: Tensor, lengths: Int32Array | undefined): Tensor {
    if (lengths === undefined) return gradient
    const copy = this.#gradient.take(gradient.shape)
    this.runtime.core.copyBytes(copy.address, gradient.address, gradient.size * this.runtime.elementBytes)
    this.#padding.clear(copy, lengths, this.#batchFirst)
    return copy
  }

  #checkIds(method: string, ids: Tensor): Tensor {
    const who = `Embedding.${method}`
    if (ids.size === 0) fail('shape', `${who}: input is ${shapeText(ids.shape)}; expected at least one id`)
    const bad = this.runtime.core.firstBadId(ids.size, this.numEmbeddings, ids.address, 0)
    if (bad < ids.size) {
      fail(
        'range',
        `${who}: id ${ids.data[bad]} at position ${bad} is out of range; expected 0 to ${this.numEmbeddings - 1}`,
      )
    }
    return ids
  }
}
