import { expectOptions, fail } from '../runtime/check.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Tensor } from '../runtime/tensor.ts'
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

/** Modules one after the other. Its state is the list of their states; its parameters' names begin with a module's index. */
export class Sequential extends Module {
  readonly modules: readonly Module[]

  constructor(runtime: Runtime, modules: readonly Module[]) {
    super(runtime)
    if (!Array.isArray(modules) || modules.length === 0 || !modules.every((module) => module instanceof Module)) {
      fail('type', 'Sequential: modules is not a list of at least one module')
    }
    if (modules.some((module) => module.runtime !== runtime))
      fail('runtime', 'Sequential: a module belongs to another runtime')
    this.modules = [...modules]
  }

  override get batchFirst(): boolean {
    return this.modules[0]!.batchFirst
  }

  override forward(input: Input, options: ForwardOptions = {}): ForwardResult {
    this.expectAlive('forward')
    expectOptions('Sequential.forward', options, ['state', 'tape'])
    const { tape = this.training } = options
    const given = this.#states('forward', options.state)
    return this.#chain(input, (module, x, i) => module.forward(x, { tape, ...(given[i] && { state: given[i] }) }))
  }

  override step(input: Input, state?: State): ForwardResult {
    this.expectAlive('step')
    const given = this.#states('step', state)
    const { output } = this.#chain(input, (module, x, i) => module.step(x, given[i]))
    return state === undefined ? { output } : { output, state }
  }

  override backward({ output, state }: OutputGradients, options: BackwardOptions = {}): InputGradients {
    this.expectAlive('backward')
    expectOptions('Sequential.backward', options, ['inputGradient'])
    const given = this.#states('backward', state)
    const states: (State | undefined)[] = new Array(this.modules.length)
    let gradient: Tensor | undefined = output
    let first: InputGradients = {}
    for (let i = this.modules.length - 1; i >= 0; i--) {
      const inputGradient = i > 0 || options.inputGradient !== false
      first = this.modules[i]!.backward({ output: gradient, ...(given[i] && { state: given[i] }) }, { inputGradient })
      states[i] = first.state
      gradient = first.input as Tensor | undefined
    }
    return { ...(first.input && { input: first.input }), ...(states.some(Boolean) && { state: states }) }
  }

  override initialState(batch: number): State | undefined {
    const states = this.modules.map((module) => module.initialState(batch))
    return states.some(Boolean) ? states : undefined
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
  }

  #states(method: string, state: State | undefined): readonly (State | undefined)[] {
    if (state === undefined) return []
    if (Array.isArray(state) && state.length === this.modules.length) return state
    return fail(
      'shape',
      `Sequential.${method}: state is not a list of ${this.modules.length} states (undefined where a module has none)`,
    )
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
