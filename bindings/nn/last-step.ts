import { expectBoolean, expectOptions, expectShape, expectTensor, fail, shapeText } from '../runtime/check.ts'
import type { Allocation } from '../runtime/heap.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Shape } from '../runtime/tensor.ts'
import { type ForwardResult, type Input, type InputGradients, Module, type OutputGradients } from './module.ts'
import type { Parameter, ParameterBlock } from './parameters.ts'
import { Workspace } from './workspace.ts'

export interface LastStepOptions {
  /** The input is [B, T, F] rather than [T, B, F]. */
  batchFirst?: boolean
}

/** [T, B, F] → [B, F]: each sample's last step. `step` passes its input through. */
export class LastStep extends Module {
  readonly #batchFirst: boolean
  readonly #output: Workspace
  readonly #gradient: Workspace
  #tape: Shape | undefined

  constructor(runtime: Runtime, options: LastStepOptions = {}) {
    super(runtime)
    expectOptions('LastStep', options, ['batchFirst'])
    this.#batchFirst = expectBoolean('LastStep', 'batchFirst', options.batchFirst ?? false)
    this.#output = new Workspace(runtime, 'LastStep')
    this.#gradient = new Workspace(runtime, 'LastStep')
  }

  override get batchFirst(): boolean | undefined {
    return this.#batchFirst
  }

  override forward(input: Input, options: { tape?: boolean; state?: undefined } = {}): ForwardResult {
    this.expectAlive('forward')
    expectOptions('LastStep.forward', options, ['tape', 'state'])
    this.checkState('LastStep.forward: state', options.state)
    const tensor = expectTensor('LastStep.forward', 'input', input, this.runtime)
    if (tensor.shape.length !== 3 || tensor.size === 0) {
      fail(
        'shape',
        `LastStep.forward: input is ${shapeText(tensor.shape)}; expected ${this.#batchFirst ? '[B, T, F]' : '[T, B, F]'}, none of them 0`,
      )
    }
    const output = this.#output.take(this.#outputShape(tensor.shape))
    this.#copyLast(tensor.shape, tensor.address, output.address, true)
    this.#tape = expectBoolean('LastStep.forward', 'tape', options.tape ?? this.training) ? tensor.shape : undefined
    return { output }
  }

  override backward({ output }: OutputGradients = {}): InputGradients {
    this.expectAlive('backward')
    const shape = this.#tape
    if (!shape) fail('tape', 'LastStep.backward: there is no tape; call forward in training mode right before')
    const gradient = expectTensor('LastStep.backward', 'output', output, this.runtime)
    expectShape('LastStep.backward', 'output', gradient.shape, this.#outputShape(shape))
    const input = this.#gradient.take(shape)
    this.runtime.core.zeroBytes(input.address, input.size * this.runtime.elementBytes)
    this.#copyLast(shape, input.address, gradient.address, false)
    return { input }
  }

  override step(input: Input): ForwardResult {
    this.#tape = undefined
    return { output: expectTensor('LastStep.step', 'input', input, this.runtime) }
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
    this.#output.dispose()
    this.#gradient.dispose()
  }

  #outputShape([first, second, columns]: Shape): [number, number] {
    return [this.#batchFirst ? first! : second!, columns!]
  }

  /** Between the last step's rows of the sequence at `sequence` and the dense rows at `rows`. */
  #copyLast(shape: Shape, sequence: number, rows: number, gather: boolean): void {
    const [first, second, F] = shape as readonly [number, number, number]
    const rowBytes = F * this.runtime.elementBytes
    const [count, from, stride] = this.#batchFirst
      ? [first, (second - 1) * rowBytes, second * rowBytes]
      : [second, (first - 1) * second * rowBytes, rowBytes]
    if (gather) this.runtime.core.copyRows(count, rowBytes, sequence + from, stride, rows, rowBytes)
    else this.runtime.core.copyRows(count, rowBytes, rows, rowBytes, sequence + from, stride)
  }
}
