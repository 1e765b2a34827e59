import { fail, shapeText } from '../runtime/check.ts'
import type { Allocation } from '../runtime/heap.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { Tensor } from '../runtime/tensor.ts'
import {
  type BackwardOptions,
  type ForwardOptions,
  type ForwardResult,
  type Input,
  type InputGradients,
  Module,
  type OutputGradients,
  type State,
} from './module.ts'
import type { Parameter, ParameterBlock } from './parameters.ts'
import { Workspace } from './workspace.ts'

/** x + module(x), for a module that keeps its input's shape. Parameters and states are the module's own. */
export class Residual extends Module {
  readonly module: Module
  readonly #output: Workspace

  constructor(runtime: Runtime, module: Module) {
    super(runtime)
    if (!(module instanceof Module)) fail('type', 'Residual: module is not a module')
    if (module.runtime !== runtime) fail('runtime', 'Residual: the module belongs to another runtime')
    this.module = module
    this.#output = new Workspace(runtime, 'Residual')
  }

  override forward(input: Input, options: ForwardOptions = {}): ForwardResult {
    this.expectAlive('forward')
    const x = this.#expectOne('forward', input)
    return this.#add('forward', this.module.forward(x, { tape: this.training, ...options }), x)
  }

  override step(input: Input, state?: State): ForwardResult {
    this.expectAlive('step')
    const x = this.#expectOne('step', input)
    return this.#add('step', this.module.step(x, state), x)
  }

  override backward(gradients: OutputGradients, options?: BackwardOptions): InputGradients {
    this.expectAlive('backward')
    const result = this.module.backward(gradients, options)
    if (gradients.output && result.input) this.#addTo(result.input as Tensor, gradients.output)
    return result
  }

  override initialState(batch: number): State | undefined {
    return this.module.initialState(batch)
  }

  override get batchFirst(): boolean | undefined {
    return this.module.batchFirst
  }

  override owns(storage: Allocation): boolean {
    return this.#output.owns(storage) || this.module.owns(storage)
  }

  override descendants(): Module[] {
    return [this, ...this.module.descendants()]
  }

  override get hasState(): boolean {
    return this.module.hasState
  }

  override checkState(who: string, state: State | undefined, batch?: number): void {
    this.module.checkState(who, state, batch)
  }

  override blocks(): ParameterBlock[] {
    return this.module.blocks()
  }

  override parameters(): Parameter[] {
    return this.module.parameters()
  }

  override train(): this {
    this.module.train()
    return super.train()
  }

  override eval(): this {
    this.module.eval()
    return super.eval()
  }

  protected override release(): void {
    this.module.dispose()
    this.#output.dispose()
  }

  #expectOne(method: string, input: Input): Tensor {
    if (!(input instanceof Tensor)) fail('type', `Residual.${method}: input is not a tensor`)
    return input
  }

  #add(method: string, result: ForwardResult, x: Tensor): ForwardResult {
    if (shapeText(result.output.shape) !== shapeText(x.shape)) {
      const shapes = `${shapeText(x.shape)} to ${shapeText(result.output.shape)}`
      fail('shape', `Residual.${method}: the module takes ${shapes}; expected one that keeps the shape`)
    }
    // not in place: the module's tape may hold its output
    const sum = this.#output.take(x.shape)
    this.runtime.core.copyBytes(sum.address, x.address, x.size * this.runtime.elementBytes)
    this.#addTo(sum, result.output)
    return { ...result, output: sum }
  }

  #addTo(target: Tensor, x: Tensor): void {
    this.runtime.core.addInto(x.size, x.address, target.address)
  }
}
