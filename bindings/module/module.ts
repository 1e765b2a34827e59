import { describeValue, expectBoolean, expectOptions, fail } from '../runtime/check.ts'
import type { Allocation } from '../runtime/heap.ts'
import { type Runtime, expectRuntime } from '../runtime/runtime.ts'
import { type FloatArray, type Shape, disposeSymbol } from '../runtime/tensor.ts'
import type {
  BackwardOptions,
  ForwardOptions,
  ForwardResult,
  Input,
  InputGradients,
  OutputGradients,
} from './options.ts'
import {
  type Mismatch,
  type Parameter,
  type ParameterBlock,
  type StateDict,
  copyStateDict,
  writeStateDict,
} from './parameters.ts'
import { frozenCopy } from './remember.ts'
import type { State } from './state.ts'
import type { StepInput } from './step-rows.ts'
import type { Tape } from './tape.ts'

/**
 * What all modules have in common. Results of `forward` and `step` live in the module's workspace until its next
 * `forward` or `step`, those of `backward` until its next `backward`; `.clone()` keeps them.
 */
export abstract class Module {
  readonly runtime: Runtime
  /** The class, as messages, files and descriptions call it. */
  readonly type: string
  /** What it is made from, defaults filled in; frozen. */
  readonly options: object
  #training = true
  #disposed = false

  constructor(runtime: Runtime, type = new.target.name, options: object = {}) {
    expectRuntime(type, runtime)
    this.runtime = runtime
    this.type = type
    this.options = frozenCopy(options)
  }

  /** Runs the module over its input. */
  abstract forward(input: Input, options?: ForwardOptions): ForwardResult
  /** Gradients by input and first state; those by the parameters are added to `grad`. */
  abstract backward(gradients: OutputGradients, options?: BackwardOptions): InputGradients
  /** One step of streaming, of a tensor [B, n] or of its numbers as they are; `state` is overwritten in place. */
  abstract step(input: StepInput, state?: State): ForwardResult
  /** A state of zeros that belongs to the caller; undefined for a module without state. */
  abstract initialState(batch: number): State | undefined
  /** @internal The blocks that hold the module's parameters. */
  abstract blocks(): ParameterBlock[]
  /** Parameters with their gradients, in PyTorch's names. */
  abstract parameters(): Parameter[]
  protected abstract release(): void

  /** The modules that it is made of; none for one that is no container. */
  children(): readonly Module[] {
    return []
  }

  /** Is the batch the first axis of what this module receives (rather than the second, after time)? Undefined if it does not mind. */
  get batchFirst(): boolean | undefined {
    return undefined
  }

  /** @internal Tells a module that minds no order of the leading axes which one its container has. */
  followOrder(_batchFirst: boolean): void {}

  /** @internal Does the output lack the time axis that the input has? */
  get dropsTime(): boolean {
    return false
  }

  /** Does no output depend on what comes after it? */
  get isCausal(): boolean {
    return true
  }

  /** @internal Does this memory belong to the module's results? */
  owns(_storage: Allocation): boolean {
    return false
  }

  /** @internal Does `step` need a state? */
  get hasState(): boolean {
    return false
  }

  /** @internal The tape of the last forward, where it recorded and nothing has been run since. */
  get lastTape(): Tape | undefined {
    return undefined
  }

  /** @internal What a step is given, as tensors: numbers without one go to memory of the module's. */
  stepInput(input: StepInput): Input {
    return input as Input
  }

  /** @internal Does a step take rows of any width, and give as wide ones? */
  get takesAnyWidth(): boolean {
    return false
  }

  /** @internal Training calls so far, which key the next random draws. */
  get callCount(): number {
    return 0
  }

  set callCount(_count: number) {}

  /** @internal The module and those inside it. */
  descendants(): Module[] {
    return [this, ...this.children().flatMap((child) => child.descendants())]
  }

  /** @internal Its own mode, whatever that of its children. */
  setTraining(training: boolean): void {
    this.#training = training
  }

  /**
   * @internal Refuses a state (or a gradient by it) that does not fit, before anything is run.
   * @param _batch the number of samples; that of the recorded forward if left out
   */
  checkState(who: string, state: State | undefined, _batch?: number): void {
    if (state !== undefined) fail('option', `${who} is given; ${this.type} has none`)
  }

  get training(): boolean {
    return this.#training
  }

  get disposed(): boolean {
    return this.#disposed
  }

  /** Training mode: forward records a tape by default. */
  train(): this {
    this.#training = true
    return this
  }

  /** Evaluation mode: forward records no tape by default. */
  eval(): this {
    this.#training = false
    return this
  }

  /** Copies of all parameters, by name. */
  stateDict(): Record<string, { shape: Shape; data: FloatArray }> {
    this.expectAlive('stateDict')
    return copyStateDict(this.parameters())
  }

  /**
   * Takes copies of a state dict's numbers.
   *
   * @param options `strict: false` takes what is there: parameters that are missing in the dict stay as they are, names that no parameter
   *   has are left there
   * @returns the names of both
   * @throws RetrogradError 'state-dict' if shapes differ, or, where it is strict, names; nothing changes then
   */
  loadStateDict(dict: StateDict, options: { strict?: boolean } = {}): Mismatch {
    this.expectAlive('loadStateDict')
    const who = `${this.type}.loadStateDict`
    expectOptions(who, options, ['strict'])
    const strict = expectBoolean(who, 'strict', options.strict ?? true)
    const mismatch = writeStateDict(who, this.parameters(), dict, strict)
    this.touch()
    return mismatch
  }

  /** Sets all gradients to 0. */
  zeroGrad(): void {
    this.expectAlive('zeroGrad')
    for (const block of this.blocks()) block.zeroGrad()
  }

  /** Parameters (all if no names are given) get no gradients and no updates until `unfreeze`. */
  freeze(names?: readonly string[]): this {
    return this.#setFrozen('freeze', names, true)
  }

  /** Undoes `freeze`. */
  unfreeze(names?: readonly string[]): this {
    return this.#setFrozen('unfreeze', names, false)
  }

  /** Tells the module that its parameters were written through an array kept from `value.data`. */
  touch(): void {
    for (const block of this.blocks()) block.version++
  }

  /** Gives all memory back; the module and its results cannot be used after. */
  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    this.release()
  }

  [disposeSymbol](): void {
    this.dispose()
  }

  #setFrozen(method: string, names: readonly string[] | undefined, frozen: boolean): this {
    const who = `${this.type}.${method}`
    this.expectAlive(method)
    if (names !== undefined && !Array.isArray(names))
      fail(
        'type',
        `${who}: names is ${describeValue(names)}; expected a list of names, ['weight'] say, or nothing for all`,
      )
    const parameters = this.parameters()
    const known = parameters.map(({ name }) => name)
    const unknown = names?.find((name) => !known.includes(name))
    if (unknown !== undefined)
      fail('option', `${who}: there is no parameter ${describeValue(unknown)}; there are ${known.join(', ')}`)
    const chosen = new Set(parameters.filter(({ name }) => !names || names.includes(name)).map(({ value }) => value))
    for (const block of this.blocks())
      for (const { name, value } of block.parameters) if (chosen.has(value)) block.setFrozen(name, frozen)
    return this
  }

  protected expectAlive(method: string): void {
    if (this.#disposed || !this.runtime.heap.alive) {
      fail('disposed', `${this.type}.${method}: the ${this.#disposed ? 'module' : 'runtime'} was disposed of`)
    }
  }
}

export function expectModule(who: string, module: unknown, name = 'module'): void {
  if (!(module instanceof Module)) fail('type', `${who}: ${name} is ${describeValue(module)}; expected a module`)
}
