import { Container } from '../module/container.ts'
import { lengthsOf } from '../module/lengths.ts'
import { Module } from '../module/module.ts'
import {
  type BackwardOptions,
  type ForwardOptions,
  type ForwardResult,
  type Input,
  type InputGradients,
  type OutputGradients,
  expectBackwardOptions,
  expectForwardOptions,
} from '../module/options.ts'
import { Padding } from '../module/padding.ts'
import type { State } from '../module/state.ts'
import type { StepInput } from '../module/step-rows.ts'
import { Workspace } from '../module/workspace.ts'
import { fail, shapeText } from '../runtime/check.ts'
import type { Allocation } from '../runtime/heap.ts'
import { type Runtime, expectRuntime } from '../runtime/runtime.ts'
import { Tensor } from '../runtime/tensor.ts'

/** x + module(x), for a module that keeps its input's shape. Parameters and states are the module's own. */
export class Residual extends Container {
  readonly module: Module
  readonly #output: Workspace
  readonly #padding: Padding
  #followsBatch = false

  constructor(runtime: Runtime, module: Module) {
    expectRuntime('Residual', runtime)
    if (!(module instanceof Module)) fail('type', 'Residual: module is not a module')
    super(runtime, 'Residual', [module], { isList: false })
    this.module = module
    this.#output = new Workspace(runtime, 'Residual')
    this.#padding = new Padding(runtime, 'Residual')
  }

  override rebuild(runtime: Runtime, [module]: readonly Module[]): Residual {
    return new Residual(runtime, module!)
  }

  override forward(input: Input, options: ForwardOptions = {}): ForwardResult {
    this.expectAlive('forward')
    const { tape, keep } = expectForwardOptions('Residual.forward', options, this.training)
    const x = this.#expectOne('forward', input)
    const result = this.module.forward(x, { ...options, tape })
    const lengths = lengthsOf(options)
    try {
      this.#expectShape('forward', result.output, x)
      if (keep) return this.#keep(x, result, lengths)
    } catch (error) {
      result.tape?.dispose()
      throw error
    }
    const output = this.#sum(this.#output.take(x.shape), x, result.output, lengths)
    this.recorded(tape ? { tapes: [this.module.lastTape], kept: false, lengths } : undefined)
    return { ...result, output }
  }

  override step(input: StepInput, state?: State): ForwardResult {
    this.expectAlive('step')
    const x = this.#expectOne('step', this.stepInput(input))
    this.checkState('Residual.step: state', state, x.shape[0])
    this.saveState(state)
    try {
      const result = this.module.step(x, state)
      this.#expectShape('step', result.output, x)
      this.recorded(undefined)
      return { ...result, output: this.#sum(this.#output.take(x.shape), x, result.output) }
    } catch (error) {
      this.restoreState(state)
      throw error
    }
  }

  override backward(gradients: OutputGradients, options: BackwardOptions = {}): InputGradients {
    this.expectAlive('backward')
    expectBackwardOptions('Residual.backward', gradients, options)
    const { tapes, kept, lengths } = this.expectRecorded('Residual.backward', options.tape)
    const { tape: _own, ...rest } = options
    const result = this.module.backward(gradients, { ...rest, ...(kept && { tape: tapes[0] }) })
    if (gradients.output && result.input) {
      this.#addTo(result.input as Tensor, gradients.output)
      this.#padding.clear(result.input as Tensor, lengths, this.#isBatchFirst)
    }
    return result
  }

  override followOrder(batchFirst: boolean): void {
    this.#followsBatch = batchFirst
    super.followOrder(batchFirst)
  }

  override owns(storage: Allocation): boolean {
    return this.#output.owns(storage) || super.owns(storage)
  }

  protected override releaseOwn(): void {
    this.#output.dispose()
    this.#padding.dispose()
  }

  get #isBatchFirst(): boolean {
    return this.module.batchFirst ?? this.#followsBatch
  }

  #keep(x: Tensor, result: ForwardResult, lengths: Int32Array | undefined): ForwardResult {
    const { tensor, giveBack } = this.#output.lend(x.shape)
    const output = this.#sum(tensor, x, result.output, lengths)
    return this.keeping({ ...result, output }, { tapes: [result.tape], kept: true, lengths }, giveBack)
  }

  #expectOne(method: string, input: Input): Tensor {
    if (!(input instanceof Tensor)) fail('type', `Residual.${method}: input is not a tensor`)
    return this.outside(input) as Tensor
  }

  #expectShape(method: string, output: Tensor, x: Tensor): void {
    if (shapeText(output.shape) === shapeText(x.shape)) return
    const shapes = `${shapeText(x.shape)} to ${shapeText(output.shape)}`
    fail('shape', `Residual.${method}: the module takes ${shapes}; expected one that keeps the shape`)
  }

  /** Not in place: the module's tape may hold its output. */
  #sum(sum: Tensor, x: Tensor, output: Tensor, lengths?: Int32Array): Tensor {
    this.runtime.core.copyBytes(sum.address, x.address, x.size * this.runtime.elementBytes)
    this.#addTo(sum, output)
    this.#padding.clear(sum, lengths, this.#isBatchFirst)
    return sum
  }

  #addTo(target: Tensor, x: Tensor): void {
    this.runtime.core.addInto(x.size, x.address, target.address)
  }
}
