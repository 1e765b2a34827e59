import {
  expectBoolean,
  expectOptions,
  expectPositive,
  expectShape,
  expectTensor,
  fail,
  shapeText,
} from '../runtime/check.ts'
import type { Allocation } from '../runtime/heap.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { type Tensor } from '../runtime/tensor.ts'
import {
  type ForwardOptions,
  type ForwardResult,
  type Input,
  type InputGradients,
  Module,
  type OutputGradients,
  type State,
} from './module.ts'
import { type Parameter, ParameterBlock } from './parameters.ts'
import { Workspace } from './workspace.ts'

export interface PositionalEmbeddingOptions {
  /** Steps that a sequence may have. */
  maxLength: number
  /** Columns of the input. */
  embeddingDim: number
}

/**
 * x_t + P_t on [T, B, embeddingDim], P a learned table [maxLength, embeddingDim], U(±1/√embeddingDim) at first. State { length: [1] }
 * counts the steps before the first one, so that streams and split sequences go on where they were.
 */
export class PositionalEmbedding extends Module {
  readonly maxLength: number
  readonly embeddingDim: number
  readonly #block: ParameterBlock
  readonly #output: Workspace
  readonly #length: Workspace
  #tape: { first: number; steps: number; batch: number } | undefined

  constructor(runtime: Runtime, options: PositionalEmbeddingOptions) {
    super(runtime)
    expectOptions('PositionalEmbedding', options, ['maxLength', 'embeddingDim'])
    this.maxLength = expectPositive('PositionalEmbedding', 'maxLength', options.maxLength)
    this.embeddingDim = expectPositive('PositionalEmbedding', 'embeddingDim', options.embeddingDim)
    this.#block = new ParameterBlock(runtime, new Map([['weight', [this.maxLength, this.embeddingDim]]]))
    this.#block.fillUniform(runtime.nextModule(), () => 1 / runtime.core.squareRoot(this.embeddingDim))
    this.#output = new Workspace(runtime, 'PositionalEmbedding')
    this.#length = new Workspace(runtime, 'PositionalEmbedding')
  }

  override forward(input: Input, options: ForwardOptions = {}): ForwardResult {
    this.expectAlive('forward')
    const who = 'PositionalEmbedding.forward'
    expectOptions(who, options, ['state', 'tape'])
    const tape = expectBoolean(who, 'tape', options.tape ?? this.training)
    const x = expectTensor(who, 'input', input, this.runtime)
    expectShape(who, 'input', x.shape, ['T', 'B', this.embeddingDim], `embeddingDim is ${this.embeddingDim}`)
    const [steps, batch] = x.shape as [number, number]
    const first = this.#first(who, options.state, steps)
    const output = this.#add(x, first, steps, batch)
    this.#tape = tape ? { first, steps, batch } : undefined
    const length = this.#length.take([1])
    length.data[0] = first + steps
    return { output, state: { length } }
  }

  override step(input: Input, state?: State): ForwardResult {
    this.expectAlive('step')
    const who = 'PositionalEmbedding.step'
    if (!state) fail('type', `${who}: state is missing; make one with initialState(batch)`)
    const x = expectTensor(who, 'input', input, this.runtime)
    expectShape(who, 'input', x.shape, ['B', this.embeddingDim], `embeddingDim is ${this.embeddingDim}`)
    const first = this.#first(who, state, 1)
    const output = this.#add(x, first, 1, x.shape[0]!)
    this.#tape = undefined
    ;(state as { length: Tensor }).length.data[0] = first + 1
    return { output, state }
  }

  override backward({ output }: OutputGradients): InputGradients {
    this.expectAlive('backward')
    const who = 'PositionalEmbedding.backward'
    if (!this.#tape) fail('tape', `${who}: there is no tape; call forward in training mode right before`)
    const gradient = expectTensor(who, 'output', output, this.runtime)
    const { first, steps, batch } = this.#tape
    expectShape(who, 'output', gradient.shape, [steps, batch, this.embeddingDim])
    const [{ grad }] = this.#block.parameters as [Parameter]
    if (!this.#block.frozen.has('weight')) {
      this.runtime.core.addStepSums(steps, batch, this.embeddingDim, gradient.address, this.#row(grad, first))
    }
    return { input: gradient }
  }

  override get hasState(): boolean {
    return true
  }

  override checkState(who: string, state: State | undefined): void {
    if (state !== undefined) this.#first(who, state, 0)
  }

  override initialState(): State {
    return { length: this.runtime.emptyTensor([1]) }
  }

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
    this.#block.dispose()
    this.#output.dispose()
    this.#length.dispose()
  }

  #first(who: string, state: State | undefined, steps: number): number {
    const length = state === undefined ? undefined : (state as Record<string, Tensor>)['length']
    const first = length === undefined ? 0 : expectTensor(who, 'state.length', length, this.runtime).data[0]!
    if (first + steps > this.maxLength) {
      fail('range', `${who}: steps ${first + 1} to ${first + steps} are asked for; maxLength is ${this.maxLength}`)
    }
    return first
  }

  #row(table: Tensor, row: number): number {
    return table.address + row * this.embeddingDim * this.runtime.elementBytes
  }

  #add(x: Tensor, first: number, steps: number, batch: number): Tensor {
    if (x.size === 0) fail('shape', `PositionalEmbedding: input is ${shapeText(x.shape)}; expected no empty axis`)
    const output = this.#output.take(x.shape)
    const table = this.#row(this.#block.parameters[0]!.value, first)
    this.runtime.core.addStepRows(steps, batch, this.embeddingDim, x.address, table, output.address)
    return output
  }
}
