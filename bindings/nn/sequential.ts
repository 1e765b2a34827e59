import { Container } from '../module/container.ts'
import { Module } from '../module/module.ts'
import {
  type BackwardOptions,
  type ForwardOptions,
  type ForwardResult,
  type Input,
  type InputGradients,
  HANDED,
  type OutputGradients,
  expectBackwardOptions,
  expectForwardOptions,
} from '../module/options.ts'
import type { State } from '../module/state.ts'
import type { StepInput } from '../module/step-rows.ts'
import type { Tape } from '../module/tape.ts'
import { describeValue, fail } from '../runtime/check.ts'
import { type Runtime, expectRuntime } from '../runtime/runtime.ts'
import { Tensor } from '../runtime/tensor.ts'

/** Modules one after the other. Its state is the list of their states; its parameters' names begin with a module's index. */
export class Sequential extends Container {
  readonly modules: readonly Module[]

  constructor(runtime: Runtime, modules: readonly Module[]) {
    expectRuntime('Sequential', runtime)
    if (!Array.isArray(modules) || modules.length === 0 || !modules.every((module) => module instanceof Module)) {
      fail('type', 'Sequential: modules is not a list of at least one module')
    }
    super(runtime, 'Sequential', modules, { isList: true })
    const all = modules.flatMap((module) => module.descendants())
    if (new Set(all).size < all.length)
      fail('type', 'Sequential: a module stands twice; each has one tape and one workspace')
    const orders = new Set(modules.map((module) => module.batchFirst).filter((order) => order !== undefined))
    if (orders.size > 1) fail('option', 'Sequential: some modules are batchFirst, others are not')
    this.modules = this.children()
    this.followOrder([...orders][0] ?? false)
  }

  override rebuild(runtime: Runtime, children: readonly Module[]): Sequential {
    return new Sequential(runtime, children)
  }

  override forward(input: Input, options: ForwardOptions = {}): ForwardResult {
    this.expectAlive('forward')
    const { tape, keep } = expectForwardOptions('Sequential.forward', options, this.training)
    const { lengths, state, ...rest } = options
    this.checkState('Sequential.forward: state', state, this.#batchOf('Sequential.forward', input, false))
    const given = this.splitState('Sequential.forward: state', state)
    const timed = this.modules.findIndex((module) => module.dropsTime)
    const tapes: (Tape | undefined)[] = []
    const run = (module: Module, x: Input, i: number): ForwardResult => {
      const own = {
        ...(given[i] && { state: given[i] }),
        ...(lengths !== undefined && (timed < 0 || i <= timed) && { lengths }),
      }
      const part = module.forward(x, { ...rest, tape, ...own, ...(i > 0 && { [HANDED]: x }) })
      tapes.push(keep ? part.tape : module.lastTape)
      return part
    }
    try {
      const result = this.#chain(this.outside(input), run)
      if (keep) return this.keeping(result, { tapes, kept: true })
      this.recorded(tape ? { tapes, kept: false } : undefined)
      return result
    } catch (error) {
      if (keep) for (const part of tapes) part?.dispose()
      throw error
    }
  }

  override step(given: StepInput, state?: State): ForwardResult {
    this.expectAlive('step')
    const input = this.stepInput(given)
    const batch = this.#batchOf('Sequential.step', input, true)
    this.checkState('Sequential.step: state', state, batch)
    const states = this.splitState('Sequential.step: state', state)
    this.#expectAllStates(states, batch)
    this.saveState(state)
    try {
      let x = this.outside(input)
      for (let i = 0; i < this.modules.length; i++) x = this.modules[i]!.step(x, states[i]).output
      this.recorded(undefined)
      return state === undefined ? { output: x as Tensor } : { output: x as Tensor, state }
    } catch (error) {
      this.restoreState(state)
      throw error
    }
  }

  override backward(gradients: OutputGradients, options: BackwardOptions = {}): InputGradients {
    this.expectAlive('backward')
    const wanted = expectBackwardOptions('Sequential.backward', gradients, options)
    const { tapes, kept } = this.expectRecorded('Sequential.backward', options.tape)
    const { output, state } = gradients
    this.checkState('Sequential.backward: state', state)
    const given = this.splitState('Sequential.backward: state', state)
    if (!output && !given.some(Boolean)) fail('type', 'Sequential.backward: neither output nor state is given')
    const states: (State | undefined)[] = new Array(this.modules.length)
    let gradient: Tensor | undefined = output
    let first: InputGradients = {}
    for (let i = this.modules.length - 1; i >= 0; i--) {
      if (!gradient && !given[i]) continue // no gradient has entered yet
      const inputGradient = i > 0 || wanted.inputGradient
      first = this.modules[i]!.backward(
        { ...(gradient && { output: gradient }), ...(given[i] && { state: given[i] }) },
        { inputGradient, ...(kept && { tape: tapes[i] }) },
      )
      states[i] = first.state
      gradient = first.input as Tensor | undefined
    }
    return { ...(first.input && { input: first.input }), ...(this.joinStates(states) && { state: states }) }
  }

  #expectAllStates(given: readonly (State | undefined)[], batch: number): void {
    const missing = this.modules.findIndex((module, i) => !given[i] && module.hasState)
    if (missing >= 0) fail('type', `Sequential.step: state ${missing} is missing; make all with initialState(${batch})`)
  }

  /** Samples in the input, as far as its shape tells. */
  #batchOf(who: string, input: Input, isStep: boolean): number {
    const tensor = input instanceof Tensor ? input : Object.values(input ?? {})[0]
    if (!(tensor instanceof Tensor))
      fail('type', `${who}: input is ${describeValue(input)}; expected a tensor, or tensors by name`)
    const hasTime = !isStep && tensor.shape.length >= (tensor.kind === 'int32' ? 2 : 3)
    return tensor.shape[hasTime && !this.batchFirst ? 1 : 0] ?? 0
  }

  #chain(input: Input, call: (module: Module, x: Input, index: number) => ForwardResult): ForwardResult {
    const states: (State | undefined)[] = []
    let x: Input = input
    for (const [i, module] of this.modules.entries()) {
      const result = call(module, x, i)
      x = result.output
      states.push(result.state)
    }
    const state = this.joinStates(states)
    return { output: x as Tensor, ...(state && { state }) }
  }
}
