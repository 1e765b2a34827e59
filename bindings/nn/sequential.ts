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
import type { Parameter, ParameterBlock } from '../module/parameters.ts'
import type { State } from '../module/state.ts'
import { Tape, expectTape } from '../module/tape.ts'
import { Workspace } from '../module/workspace.ts'
import { fail } from '../runtime/check.ts'
import type { Allocation } from '../runtime/heap.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { Tensor } from '../runtime/tensor.ts'

/** Modules one after the other. Its state is the list of their states; its parameters' names begin with a module's index. */
export class Sequential extends Module {
  readonly modules: readonly Module[]
  readonly #input: Workspace

  constructor(runtime: Runtime, modules: readonly Module[]) {
    super(runtime)
    if (!Array.isArray(modules) || modules.length === 0 || !modules.every((module) => module instanceof Module)) {
      fail('type', 'Sequential: modules is not a list of at least one module')
    }
    if (modules.some((module) => module.runtime !== runtime))
      fail('runtime', 'Sequential: a module belongs to another runtime')
    const all = modules.flatMap((module) => module.descendants())
    if (new Set(all).size < all.length)
      fail('type', 'Sequential: a module stands twice; each has one tape and one workspace')
    const orders = new Set(modules.map((module) => module.batchFirst).filter((order) => order !== undefined))
    if (orders.size > 1) fail('option', 'Sequential: some modules are batchFirst, others are not')
    this.modules = [...modules]
    this.followOrder([...orders][0] ?? false)
    this.#input = new Workspace(runtime, 'Sequential')
  }

  override get batchFirst(): boolean | undefined {
    return this.modules.map((module) => module.batchFirst).find((order) => order !== undefined)
  }

  override get dropsTime(): boolean {
    return this.modules.some((module) => module.dropsTime)
  }

  override get isCausal(): boolean {
    return this.modules.every((module) => module.isCausal)
  }

  override followOrder(batchFirst: boolean): void {
    for (const module of this.modules) module.followOrder(batchFirst)
  }

  override forward(input: Input, options: ForwardOptions = {}): ForwardResult {
    this.expectAlive('forward')
    const { tape } = expectForwardOptions('Sequential.forward', options, this.training)
    const { lengths, state, ...rest } = options
    const given = this.#states('forward', state)
    this.#checkStates('Sequential.forward', given, this.#batchOf(input, false))
    const timed = this.modules.findIndex((module) => module.dropsTime)
    const tapes: (Tape | undefined)[] = []
    const result = this.#chain(this.#outside(input), (module, x, i) => {
      const own = { ...(given[i] && { state: given[i] }), ...(lengths && (timed < 0 || i <= timed) && { lengths }) }
      const part = module.forward(x, { ...rest, tape, ...own })
      tapes.push(part.tape)
      return part
    })
    if (!options.keep) return result
    return { ...result, tape: new Tape(this, tapes, () => tapes.forEach((part) => part?.dispose())) }
  }

  override step(input: Input, state?: State): ForwardResult {
    this.expectAlive('step')
    const given = this.#states('step', state)
    const batch = this.#batchOf(input, true)
    this.#checkStates('Sequential.step', given, batch)
    this.#expectAllStates(given, batch)
    const { output } = this.#chain(this.#outside(input), (module, x, i) => module.step(x, given[i]))
    return state === undefined ? { output } : { output, state }
  }

  override backward(gradients: OutputGradients, options: BackwardOptions = {}): InputGradients {
    this.expectAlive('backward')
    const wanted = expectBackwardOptions('Sequential.backward', gradients, options)
    const tapes =
      options.tape &&
      expectTape<readonly (Tape | undefined)[]>('Sequential.backward', this, options.tape, undefined).data
    const { output, state } = gradients
    const given = this.#states('backward', state)
    this.#checkStates('Sequential.backward', given, undefined)
    if (!output && !given.some(Boolean)) fail('type', 'Sequential.backward: neither output nor state is given')
    const states: (State | undefined)[] = new Array(this.modules.length)
    let gradient: Tensor | undefined = output
    let first: InputGradients = {}
    for (let i = this.modules.length - 1; i >= 0; i--) {
      if (!gradient && !given[i]) continue // no gradient has entered yet
      const inputGradient = i > 0 || wanted.inputGradient
      first = this.modules[i]!.backward(
        { ...(gradient && { output: gradient }), ...(given[i] && { state: given[i] }) },
        { inputGradient, ...(tapes && { tape: tapes[i] }) },
      )
      states[i] = first.state
      gradient = first.input as Tensor | undefined
    }
    return { ...(first.input && { input: first.input }), ...(states.some(Boolean) && { state: states }) }
  }

  override initialState(batch: number): State | undefined {
    const states = this.modules.map((module) => module.initialState(batch))
    return states.some(Boolean) ? states : undefined
  }

  override owns(storage: Allocation): boolean {
    return this.#input.owns(storage) || this.modules.some((module) => module.owns(storage))
  }

  override get hasState(): boolean {
    return this.modules.some((module) => module.hasState)
  }

  override descendants(): Module[] {
    return [this, ...this.modules.flatMap((module) => module.descendants())]
  }

  override checkState(who: string, state: State | undefined, batch?: number): void {
    this.#checkStates(who, this.#states('checkState', state), batch)
  }

  override blocks(): ParameterBlock[] {
    return this.modules.flatMap((module) => module.blocks())
  }

  override parameters(): Parameter[] {
    return this.modules.flatMap((module, i) =>
      module.parameters().map((parameter) => ({ ...parameter, name: `${i}.${parameter.name}` })),
    )
  }

  override train(): this {
    for (const module of this.modules) module.train()
    return super.train()
  }

  override eval(): this {
    for (const module of this.modules) module.eval()
    return super.eval()
  }

  protected override release(): void {
    for (const module of this.modules) module.dispose()
    this.#input.dispose()
  }

  #states(method: string, state: State | undefined): readonly (State | undefined)[] {
    if (state === undefined) return []
    if (Array.isArray(state) && state.length === this.modules.length) return state
    return fail(
      'shape',
      `Sequential.${method}: state is not a list of ${this.modules.length} states (undefined where a module has none)`,
    )
  }

  #checkStates(who: string, given: readonly (State | undefined)[], batch: number | undefined): void {
    for (const [i, module] of this.modules.entries()) module.checkState(`${who}: state ${i}`, given[i], batch)
  }

  #expectAllStates(given: readonly (State | undefined)[], batch: number): void {
    const missing = this.modules.findIndex((module, i) => !given[i] && module.hasState)
    if (missing >= 0) fail('type', `Sequential.step: state ${missing} is missing; make all with initialState(${batch})`)
  }

  /** Samples in the input, as far as its shape tells. */
  #batchOf(input: Input, isStep: boolean): number {
    const tensor = input instanceof Tensor ? input : Object.values(input ?? {})[0]
    if (!(tensor instanceof Tensor)) return 0
    const hasTime = !isStep && tensor.shape.length >= (tensor.kind === 'int32' ? 2 : 3)
    return tensor.shape[hasTime && !this.batchFirst ? 1 : 0] ?? 0
  }

  /** An input that lies in a module's workspace would be overwritten while a tape still needs it. */
  #outside(input: Input): Input {
    if (!(input instanceof Tensor) || input.kind !== 'float' || !this.owns(input.storage)) return input
    if (this.#input.owns(input.storage)) return input
    const copy = this.#input.take(input.shape)
    this.runtime.core.copyBytes(copy.address, input.address, input.size * this.runtime.elementBytes)
    return copy
  }

  #chain(input: Input, call: (module: Module, x: Input, index: number) => ForwardResult): ForwardResult {
    const states: (State | undefined)[] = []
    let x: Input = input
    for (const [i, module] of this.modules.entries()) {
      const result = call(module, x, i)
      x = result.output
      states.push(result.state)
    }
    return states.some(Boolean) ? { output: x as Tensor, state: states } : { output: x as Tensor }
  }
}
