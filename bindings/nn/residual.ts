import { Container } from '../module/container.ts'
import { lengthsOf } from '../module/lengths.ts'
import { Module } from '../module/module.ts'
import type {
  BackwardOptions,
  ForwardOptions,
  ForwardResult,
  Input,
  InputGradients,
  OutputGradients,
} from '../module/options.ts'
import { Padding } from '../module/padding.ts'
import type { State } from '../module/state.ts'
import { Tape, expectTape } from '../module/tape.ts'
import { Workspace } from '../module/workspace.ts'
import { fail, shapeText } from '../runtime/check.ts'
import type { Allocation } from '../runtime/heap.ts'
import { type Runtime, expectRuntime } from '../runtime/runtime.ts'
import { Tensor } from '../runtime/tensor.ts'

/** What a forward leaves for backward: the module's own tape, where it was kept. */
interface Recorded {
  readonly lengths: Int32Array | undefined
  readonly inner: Tape | undefined
}

/** x + module(x), for a module that keeps its input's shape. Parameters and states are the module's own. */
export class Residual extends Container {
  readonly module: Module
  readonly #output: Workspace
  readonly #padding: Padding
  #last: Recorded = { lengths: undefined, inner: undefined }
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
    const x = this.#expectOne('forward', input)
    const { tape: inner, ...result } = this.module.forward(x, { tape: this.training, ...options })
    const lengths = lengthsOf(options)
    const batchFirst = this.#isBatchFirst
    if (inner === undefined) {
      this.#last = { lengths, inner: undefined }
      const output = this.#output.take(x.shape)
      this.#addUp('forward', output, result.output, x)
      this.#padding.clear(output, lengths, batchFirst)
      return { ...result, output }
    }
    const { tensor: output, giveBack } = this.#output.lend(x.shape)
    this.#addUp('forward', output, result.output, x)
    this.#padding.clear(output, lengths, batchFirst)
    const release = () => {
      inner.dispose()
      giveBack()
    }
    return { ...result, output, tape: new Tape<Recorded>(this, { lengths, inner }, release) }
  }

  override step(input: Input, state?: State): ForwardResult {
    this.expectAlive('step')
    const x = this.#expectOne('step', input)
    const result = this.module.step(x, state)
    const output = this.#output.take(x.shape)
    this.#addUp('step', output, result.output, x)
    return { ...result, output }
  }

  override backward(gradients: OutputGradients, options: BackwardOptions = {}): InputGradients {
    this.expectAlive('backward')
    const who = 'Residual.backward'
    const { lengths, inner } = options.tape ? expectTape<Recorded>(who, this, options.tape, undefined).data : this.#last
    const { tape: _own, ...rest } = options
    const result = this.module.backward(gradients, { ...rest, ...(inner && { tape: inner }) })
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

  #expectOne(method: string, input: Input): Tensor {
    if (!(input instanceof Tensor)) fail('type', `Residual.${method}: input is not a tensor`)
    return input
  }

  #addUp(method: string, sum: Tensor, output: Tensor, x: Tensor): void {
    if (shapeText(output.shape) !== shapeText(x.shape)) {
      const shapes = `${shapeText(x.shape)} to ${shapeText(output.shape)}`
      fail('shape', `Residual.${method}: the module takes ${shapes}; expected one that keeps the shape`)
    }
    // not in place: the module's tape may hold its output
    this.runtime.core.copyBytes(sum.address, x.address, x.size * this.runtime.elementBytes)
    this.#addTo(sum, output)
  }

  #addTo(target: Tensor, x: Tensor): void {
    this.runtime.core.addInto(x.size, x.address, target.address)
  }
}
