import { Module } from '../module/module.ts'
import {
  type BackwardOptions,
  type ForwardOptions,
  type ForwardResult,
  type Input,
  type InputGradients,
  type OutputGradients,
  expectBackwardOptions,
} from '../module/options.ts'
import type { Parameter, ParameterBlock } from '../module/parameters.ts'
import type { State } from '../module/state.ts'
import { type StepInput, StepRows, isRows } from '../module/step-rows.ts'
import type { Tape } from '../module/tape.ts'
import type { Value } from '../program/graph.ts'
import { type SizedCell, defineCell, sizeCell } from '../program/trace.ts'
import { expectTensor, fail, shapeText } from '../runtime/check.ts'
import type { Allocation } from '../runtime/heap.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { Rowwise } from './rowwise.ts'

/** An operation without parameters on rows of any width: a program for each width that comes. */
export abstract class Pointwise extends Module {
  readonly #apply: (x: Value) => Value
  readonly #ordinal: number
  readonly #programs = new Map<number, FixedWidth>()
  #current: FixedWidth | undefined
  readonly #rows: StepRows
  #followsBatch = false
  /** Training calls over all widths: the draws of two of them never meet. */
  #calls = 0

  constructor(runtime: Runtime, type: string, options: object, apply: (x: Value) => Value) {
    super(runtime, type, options)
    this.#apply = apply
    this.#ordinal = runtime.nextModule()
    this.#rows = new StepRows(runtime, type)
  }

  override forward(input: Input, options?: ForwardOptions): ForwardResult {
    return this.#run('forward', input, (program) => program.forward(input, options))
  }

  override step(input: StepInput, state?: State): ForwardResult {
    this.expectAlive('step')
    this.checkState(`${this.type}.step: state`, state)
    const x = this.stepInput(input)
    return this.#run('step', x, (program) => program.step(x))
  }

  /** Numbers without a tensor are one row. */
  override stepInput(input: StepInput): Input {
    return isRows(input) ? this.#rows.place(`${this.type}.step`, 'input', input, input.length) : (input as Input)
  }

  override get takesAnyWidth(): boolean {
    return true
  }

  override backward(gradients: OutputGradients, options: BackwardOptions = {}): InputGradients {
    this.expectAlive('backward')
    expectBackwardOptions(`${this.type}.backward`, gradients, options)
    const { tape } = options
    const recorded = tape && [...this.#programs.values()].find((program) => program === tape.module)
    if (tape && !recorded) fail('tape', `${this.type}.backward: the tape was recorded by another module`)
    const program = recorded ?? this.#current
    if (!program) fail('tape', `${this.type}.backward: there is no tape; call forward in training mode right before`)
    return program.backward(gradients, options)
  }

  override initialState(): undefined {}

  override followOrder(batchFirst: boolean): void {
    this.#followsBatch = batchFirst
  }

  override get lastTape(): Tape | undefined {
    return this.#current?.lastTape
  }

  override get callCount(): number {
    return this.#calls
  }

  override set callCount(count: number) {
    this.#calls = count
  }

  override owns(storage: Allocation): boolean {
    return [...this.#programs.values()].some((program) => program.owns(storage))
  }

  override blocks(): ParameterBlock[] {
    return []
  }

  override parameters(): Parameter[] {
    return []
  }

  protected override release(): void {
    for (const program of this.#programs.values()) program.dispose()
    this.#rows.dispose()
  }

  /** A call that is refused leaves the tape and the draws of the one before. */
  #run(method: string, input: Input, call: (program: FixedWidth) => ForwardResult): ForwardResult {
    const program = this.#select(method, input)
    const result = call(program)
    this.#current = program
    this.#calls = program.callCount
    return result
  }

  /** The program for the input's width, in this module's mode. */
  #select(method: string, input: Input): FixedWidth {
    this.expectAlive(method)
    const { shape } = expectTensor(`${this.type}.${method}`, 'input', input, this.runtime)
    const width = shape.at(-1)
    if (!width) fail('shape', `${this.type}.${method}: input is ${shapeText(shape)}; expected [T, B, n] or [B, n]`)
    let program = this.#programs.get(width)
    if (!program) {
      const cell = defineCell({
        state: {},
        input: { x: width },
        params: {},
        step: ({ x }) => ({ state: {}, output: this.#apply(x!) }),
      })
      program = new FixedWidth(this.runtime, sizeCell(cell, {}), this.type, this.#ordinal)
      this.#programs.set(width, program)
    }
    program.followOrder(this.#followsBatch)
    program.callCount = this.#calls
    return this.training ? program.train() : program.eval()
  }
}

class FixedWidth extends Rowwise {
  constructor(runtime: Runtime, cell: SizedCell, type: string, ordinal: number) {
    super(runtime, 'width', { layers: [[cell]], boundOf: () => 0, type, ordinal })
  }
}
