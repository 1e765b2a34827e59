import { describeValue, expectOptions, expectPositive, expectTensor, fail, shapeText } from '../runtime/check.ts'
import type { Allocation } from '../runtime/heap.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Tensor } from '../runtime/tensor.ts'
import { type ForwardResult, type Input, type InputGradients, Module, type OutputGradients } from './module.ts'
import { type Parameter, ParameterBlock } from './parameters.ts'
import { Workspace } from './workspace.ts'

export interface EmbeddingOptions {
  /** Rows of the table: ids are 0 to numEmbeddings - 1. */
  numEmbeddings: number
  /** Columns of the table. */
  embeddingDim: number
  /** An id whose row is zeros at first and gets no gradient. */
  paddingIdx?: number
}

/** No id is negative, so that this one passes over no row. */
const NO_PADDING = -1

/**
 * Ids [T, B] (or of any shape) → rows of a table [T, B, embeddingDim]. Gradients are added into the rows that were used.
 * Initial values are U(-√3, √3): of mean 0 and variance 1, as PyTorch's normal ones.
 *
 * @see torch.nn.Embedding
 */
export class Embedding extends Module {
  readonly numEmbeddings: number
  readonly embeddingDim: number
  readonly paddingIdx: number | undefined
  readonly #block: ParameterBlock
  readonly #output: Workspace
  #tape: Tensor | undefined

  constructor(runtime: Runtime, options: EmbeddingOptions) {
    super(runtime)
    expectOptions('Embedding', options, ['numEmbeddings', 'embeddingDim', 'paddingIdx'])
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

  override forward(input: Input, options: { tape?: boolean; state?: undefined } = {}): ForwardResult {
    this.expectAlive('forward')
    expectOptions('Embedding.forward', options, ['tape', 'state'])
    const ids = this.#checkIds('forward', input)
    const output = this.#output.take([...ids.shape, this.embeddingDim])
    this.runtime.core.pickRows(ids.size, this.embeddingDim, this.#weight.value.address, ids.address, output.address)
    this.#tape = (options.tape ?? this.training) ? ids : undefined
    return { output }
  }

  override step(input: Input): ForwardResult {
    return this.forward(input, { tape: false })
  }

  override backward({ output }: OutputGradients): InputGradients {
    this.expectAlive('backward')
    const ids = this.#tape
    if (!ids) fail('tape', 'Embedding.backward: there is no tape; call forward in training mode right before')
    if (ids.disposed)
      fail('tape', 'Embedding.backward: the ids of the recorded forward were disposed of; keep them until backward')
    const gradient = expectTensor('Embedding.backward', 'output', output, this.runtime)
    const expected = [...ids.shape, this.embeddingDim]
    if (shapeText(gradient.shape) !== shapeText(expected)) {
      fail('shape', `Embedding.backward: output is ${shapeText(gradient.shape)}; expected ${shapeText(expected)}`)
    }
    if (this.#block.frozen.has('weight')) return {}
    const padding = this.paddingIdx ?? NO_PADDING
    this.runtime.core.addRows(
      ids.size,
      this.embeddingDim,
      padding,
      gradient.address,
      ids.address,
      this.#weight.grad.address,
    )
    return {}
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
    this.#output.dispose()
    this.#block.dispose()
  }

  #checkIds(method: string, input: Input): Tensor {
    const who = `Embedding.${method}`
    const ids = expectTensor(who, 'input', input, this.runtime, 'int32')
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
