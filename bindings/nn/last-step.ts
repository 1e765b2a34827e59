import { expectOptions, expectTensor, fail, shapeText } from '../runtime/check.ts'
import type { Allocation } from '../runtime/heap.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { type Shape, Tensor, sizeOf } from '../runtime/tensor.ts'
import { type ForwardResult, type Input, type InputGradients, Module, type OutputGradients } from './module.ts'
import type { Parameter, ParameterBlock } from './parameters.ts'

export interface LastStepOptions {
  /** The input is [B, T, F] rather than [T, B, F]. */
  batchFirst?: boolean
}

/** [T, B, F] → [B, F]: each sample's last step. `step` passes its input through. */
export class LastStep extends Module {
  readonly #batchFirst: boolean
  #storage: Allocation | undefined
  #inputShape: Shape | undefined
  #output: Tensor | undefined
  #gradient: Tensor | undefined
  #recorded = false

  constructor(runtime: Runtime, options: LastStepOptions = {}) {
    super(runtime)
    expectOptions('LastStep', options, ['batchFirst'])
    this.#batchFirst = options.batchFirst ?? false
  }

  override get batchFirst(): boolean {
    return this.#batchFirst
  }

  override forward(input: Input, options: { tape?: boolean; state?: undefined } = {}): ForwardResult {
    this.expectAlive('forward')
    expectOptions('LastStep.forward', options, ['tape', 'state'])
    const tensor = expectTensor('LastStep.forward', 'input', input, this.runtime)
    if (tensor.shape.length !== 3 || tensor.size === 0) {
      fail(
        'shape',
        `LastStep.forward: input is ${shapeText(tensor.shape)}; expected ${this.#batchFirst ? '[B, T, F]' : '[T, B, F]'}, none of them 0`,
      )
    }
    this.#plan(tensor.shape)
    this.#copyLast(tensor.address, this.#output!.address, true)
    this.#recorded = options.tape ?? this.training
    return { output: this.#output! }
  }

  override backward({ output }: OutputGradients): InputGradients {
    this.expectAlive('backward')
    if (!this.#recorded) fail('tape', 'LastStep.backward: there is no tape; call forward in training mode right before')
    const gradient = expectTensor('LastStep.backward', 'output', output, this.runtime)
    if (shapeText(gradient.shape) !== shapeText(this.#output!.shape)) {
      fail(
        'shape',
        `LastStep.backward: output is ${shapeText(gradient.shape)}; expected ${shapeText(this.#output!.shape)}`,
      )
    }
    this.runtime.core.zeroBytes(this.#gradient!.address, this.#gradient!.size * this.runtime.elementBytes)
    this.#copyLast(this.#gradient!.address, gradient.address, false)
    return { input: this.#gradient! }
  }

  override step(input: Input): ForwardResult {
    this.#recorded = false
    return { output: expectTensor('LastStep.step', 'input', input, this.runtime) }
  }

  override initialState(): undefined {}

  override blocks(): ParameterBlock[] {
    return []
  }

  override parameters(): Parameter[] {
    return []
  }

  protected override release(): void {
    this.#storage?.dispose()
  }

  /** Workspace for one input shape, kept until another comes. */
  #plan(shape: Shape): void {
    if (this.#inputShape && shapeText(this.#inputShape) === shapeText(shape)) return
    this.#storage?.dispose()
    const [first, second, F] = shape as [number, number, number]
    const bytes = this.runtime.elementBytes
    const outputShape = [this.#batchFirst ? first : second, F]
    const outputBytes = Math.ceil((sizeOf(outputShape) * bytes) / 64) * 64
    this.#storage = this.runtime.heap.allocateZeros(outputBytes + sizeOf(shape) * bytes, 'LastStep: the workspace')
    this.#inputShape = shape
    this.#output = new Tensor(this.runtime, this.#storage, this.#storage.address, outputShape, 'float')
    this.#gradient = new Tensor(this.runtime, this.#storage, this.#storage.address + outputBytes, shape, 'float')
  }

  /** Between the last step's rows of the sequence at `sequence` and the dense rows at `rows`. */
  #copyLast(sequence: number, rows: number, gather: boolean): void {
    const [first, second, F] = this.#inputShape as unknown as [number, number, number]
    const rowBytes = F * this.runtime.elementBytes
    const [count, from, stride] = this.#batchFirst
      ? [first, (second - 1) * rowBytes, second * rowBytes]
      : [second, (first - 1) * second * rowBytes, rowBytes]
    if (gather) this.runtime.core.copyRows(count, rowBytes, sequence + from, stride, rows, rowBytes)
    else this.runtime.core.copyRows(count, rowBytes, rows, rowBytes, sequence + from, stride)
  }
}
