import { fail } from '../runtime/check.ts'
import type { Allocation } from '../runtime/heap.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { Tensor } from '../runtime/tensor.ts'
import { Module } from './module.ts'
import type { ForwardResult, Input } from './options.ts'
import type { Parameter, ParameterBlock } from './parameters.ts'
import { SavedState } from './saved-state.ts'
import type { State } from './state.ts'
import type { StepInput } from './step-rows.ts'
import { Tape, expectTape, keptWith } from './tape.ts'
import { Workspace } from './workspace.ts'

/** Options of a container: its children say all that there is to say. */
const NONE = {}

/** What a container's forward leaves for its backward. */
export interface ChildTapes {
  /** By child: the tape that it kept, or its last one, which is of use until the child is run again. */
  readonly tapes: readonly (Tape | undefined)[]
  readonly kept: boolean
  readonly lengths?: Int32Array | undefined
}

/**
 * A module made of others. What it has follows from them: parameters, modes, states, order of axes, and its end. Either it is one of
 * several kinds of list, whose names and states are told apart by index, or it is about one module, whose names and state are its own.
 */
export abstract class Container extends Module {
  readonly #children: readonly Module[]
  readonly #isList: boolean
  #tape: Tape<ChildTapes> | undefined
  /** Of an input that lies in a child's workspace: it would be overwritten while it is still needed. */
  readonly #input: Workspace
  readonly #saved: SavedState

  constructor(runtime: Runtime, type: string, children: readonly Module[], { isList }: { isList: boolean }) {
    super(runtime, type, NONE)
    if (children.some((child) => child.runtime !== runtime))
      fail('runtime', `${type}: a module belongs to another runtime`)
    this.#children = [...children]
    this.#isList = isList
    this.#input = new Workspace(runtime, type)
    this.#saved = new SavedState(runtime, type)
  }

  override children(): readonly Module[] {
    return this.#children
  }

  /** @internal A container of this kind around others. */
  abstract rebuild(runtime: Runtime, children: readonly Module[]): Container

  /** Gives back what else is the container's own. */
  protected releaseOwn(): void {}

  override get lastTape(): Tape | undefined {
    return this.#tape
  }

  /** Children that take any width hand on what they get: the first one that does not says how wide a row is. */
  override stepInput(input: StepInput): Input {
    const child = this.#children.find(({ takesAnyWidth }) => !takesAnyWidth) ?? this.#children[0]!
    return child.stepInput(input)
  }

  override get takesAnyWidth(): boolean {
    return this.#children.every(({ takesAnyWidth }) => takesAnyWidth)
  }

  override get batchFirst(): boolean | undefined {
    return this.#children.map((child) => child.batchFirst).find((order) => order !== undefined)
  }

  override followOrder(batchFirst: boolean): void {
    for (const child of this.#children) child.followOrder(batchFirst)
  }

  override get isCausal(): boolean {
    return this.#children.every((child) => child.isCausal)
  }

  override get dropsTime(): boolean {
    return this.#children.some((child) => child.dropsTime)
  }

  override get hasState(): boolean {
    return this.#children.some((child) => child.hasState)
  }

  override owns(storage: Allocation): boolean {
    return this.#input.owns(storage) || this.#children.some((child) => child.owns(storage))
  }

  override initialState(batch: number): State | undefined {
    return this.joinStates(this.#children.map((child) => child.initialState(batch)))
  }

  override checkState(who: string, state: State | undefined, batch?: number): void {
    const states = this.splitState(who, state)
    for (const [i, child] of this.#children.entries())
      child.checkState(this.#isList ? `${who} ${i}` : who, states[i], batch)
  }

  override blocks(): ParameterBlock[] {
    return this.#children.flatMap((child) => child.blocks())
  }

  override parameters(): Parameter[] {
    return this.#children.flatMap((child, i) =>
      this.#isList
        ? child.parameters().map((parameter) => ({ ...parameter, name: `${i}.${parameter.name}` }))
        : child.parameters(),
    )
  }

  override train(): this {
    for (const child of this.#children) child.train()
    return super.train()
  }

  override eval(): this {
    for (const child of this.#children) child.eval()
    return super.eval()
  }

  protected override release(): void {
    for (const child of this.#children) child.dispose()
    this.#input.dispose()
    this.#saved.dispose()
    this.releaseOwn()
  }

  /** The input, or a copy of one that a child would overwrite. */
  protected outside(input: Input): Input {
    if (!(input instanceof Tensor) || input.kind !== 'float' || !this.owns(input.storage)) return input
    if (this.#input.owns(input.storage)) return input
    const copy = this.#input.take(input.shape)
    this.runtime.core.copyBytes(copy.address, input.address, input.size * this.runtime.elementBytes)
    return copy
  }

  /** Before a step of the children, which overwrite the state one after the other. */
  protected saveState(state: State | undefined): void {
    if (state) this.#saved.save(state)
  }

  /** Where one of them has refused it: the state is what it was. */
  protected restoreState(state: State | undefined): void {
    if (state) this.#saved.restore(state)
  }

  /** Notes what a forward has left, or undefined if it did not record. */
  protected recorded(data: ChildTapes | undefined): void {
    this.#tape = data && new Tape(this, data)
  }

  /** … of one that is kept: with the tape of its own go those of the children, and what `giveBack` gives. */
  protected keeping(result: ForwardResult, data: ChildTapes, giveBack = () => {}): ForwardResult {
    this.#tape = undefined
    const release = () => {
      for (const tape of data.tapes) tape?.dispose()
      giveBack()
    }
    return keptWith(new Tape(this, data, release), result)
  }

  /** What backward is to read; refused where a child has been run since. */
  protected expectRecorded(who: string, tape: Tape | undefined): ChildTapes {
    const { data } = expectTape<ChildTapes>(who, this, tape, this.#tape)
    const moved = data.kept ? -1 : this.#children.findIndex((child, i) => child.lastTape !== data.tapes[i])
    if (moved < 0) return data
    const child = `module ${moved} (${this.#children[moved]!.type})`
    const remedy = 'call forward right before backward, or keep the tape: forward(x, { keep: true })'
    return fail('tape', `${who}: ${child} has been run by itself or in another container since forward; ${remedy}`)
  }

  /** The children's states; an empty list where there is none. @param who with the state's name: 'Sequential.step: state' */
  protected splitState(who: string, state: State | undefined): readonly (State | undefined)[] {
    if (state === undefined) return []
    if (!this.#isList) return [state]
    const count = this.#children.length
    if (Array.isArray(state) && state.length === count) return state
    return fail('shape', `${who} is not a list of ${count} states (undefined where a module has none)`)
  }

  protected joinStates(states: readonly (State | undefined)[]): State | undefined {
    if (!this.#isList) return states[0]
    return states.some(Boolean) ? [...states] : undefined
  }
}
