import { Module } from '../../module/module.ts'
import { type ParameterBlock, type StateDict, expectNumbers, expectShapes } from '../../module/parameters.ts'
import { describeValue, expectNumber, fail } from '../../runtime/check.ts'
import type { Allocation } from '../../runtime/heap.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { type Scope, inScope } from '../../runtime/scope.ts'
import { type FloatArray, type Shape, type Tensor, disposeSymbol, sizeOf } from '../../runtime/tensor.ts'
import { Counters } from './counters.ts'
import { type Range, type Slot, makeRanges, makeSlots } from './slots.ts'
import { type Trained, blocksOf, expectBlocks } from './trained.ts'

/** What every optimiser takes. */
export interface OptimizerOptions {
  /** Learning rate. */
  lr?: number
  /** How strongly weights are pulled to 0. */
  weightDecay?: number
  /** Which parameters, by name, weight decay acts on; all if left out. */
  decay?: (name: string) => boolean
}

export const OPTIMIZER_OPTIONS = ['lr', 'weightDecay', 'decay']

/** What an optimiser remembers: moments of every element, by name, and counters of every parameter as they are at first. */
export interface Memory {
  readonly moments: readonly string[]
  readonly counters: readonly number[]
}

/**
 * What optimisers share: the blocks they update, per block as many moment arrays of its size as they need, and each parameter's counters.
 * A frozen parameter keeps its moments and counters as they are. Memory is given back by `dispose()`, or some time after the optimiser
 * was dropped, where the host has a FinalizationRegistry.
 */
export abstract class Optimizer {
  readonly runtime: Runtime
  readonly weightDecay: number
  /** @internal The rate that schedules start from, once there is one. */
  initialLr: number | undefined = undefined
  readonly #who: string
  #lr: number
  readonly #blocks: readonly ParameterBlock[]
  readonly #slots: readonly (readonly Slot[])[]
  readonly #scope: Scope
  readonly #moments: ReadonlyMap<string, readonly Allocation[]>
  readonly #counters: Counters
  /** Ranges of each block, made anew only where parameters were frozen or unfrozen, or counters loaded. */
  readonly #ranges = new Map<ParameterBlock, { version: number; ranges: readonly Range[] }>()

  constructor(
    who: string,
    trained: Trained,
    options: Required<Omit<OptimizerOptions, 'decay'>> & OptimizerOptions,
    memory: Memory,
  ) {
    this.#lr = expectNumber(who, 'lr', options.lr, 0)
    this.weightDecay = expectNumber(who, 'weightDecay', options.weightDecay, 0)
    this.#who = who
    this.#blocks = blocksOf(who, trained)
    if (this.#blocks.length === 0) fail('type', `${who}: there are no parameters to optimise`)
    this.runtime = this.#blocks[0]!.runtime
    const decays = decayFilter(who, trained, options.decay)
    this.#slots = makeSlots(trained, this.#blocks, (value) => (decays(value) ? this.weightDecay : 0))
    const { scope, moments, counters } = remember(this.#blocks, memory)
    this.#scope = scope
    this.#moments = moments
    this.#counters = counters
  }

  /** Learning rate, finite and >= 0; may be changed between steps. */
  get lr(): number {
    return this.#lr
  }

  set lr(rate: number) {
    this.#lr = expectNumber(this.#who, 'lr', rate, 0)
  }

  /** Updates all parameters that are not frozen from their gradients. @throws RetrogradError 'disposed'; nothing changes then */
  step(): void {
    this.expectAlive(`${this.#who}.step`)
    for (const block of this.#blocks) {
      for (const range of this.#rangesOf(block)) this.update(range)
      block.version++
    }
  }

  /**
   * Copies of every moment of every parameter, by `${moment}.${parameter}` in the parameter's shape, and `counters`, float64
   * [parameters, …]. Names are the module's own; of a list of modules with the module's index before them: `mean.0.weight`.
   */
  stateDict(): Record<string, { shape: Shape; data: FloatArray }> {
    this.expectAlive(`${this.#who}.stateDict`)
    const dict: Record<string, { shape: Shape; data: FloatArray }> = {}
    for (const [key, { shape, address }] of this.#entries()) {
      dict[key] = { shape: [...shape], data: (this.runtime.arrayAt(address, sizeOf(shape)) as FloatArray).slice() }
    }
    return { counters: { shape: [...this.#counters.shape], data: this.#counters.read() }, ...dict }
  }

  /** @throws RetrogradError 'state-dict' if the state is of another optimiser or model, or holds what is no number; nothing changes then */
  loadStateDict(dict: StateDict): void {
    this.expectAlive(`${this.#who}.loadStateDict`)
    this.expectState(`${this.#who}.loadStateDict`, dict)
    for (const [key, { shape, address }] of this.#entries()) {
      this.runtime.arrayAt(address, sizeOf(shape)).set(dict[key]!.data as ArrayLike<number>)
    }
    this.#counters.write(dict['counters']!.data as ArrayLike<number>)
    this.#ranges.clear()
  }

  /** @internal Refuses a state that is not this optimiser's. */
  expectState(who: string, dict: StateDict): void {
    const shapes = new Map<string, Shape>([['counters', this.#counters.shape]])
    for (const [key, { shape }] of this.#entries()) shapes.set(key, shape)
    expectShapes(who, shapes, dict)
    for (const [key, shape] of shapes) expectNumbers(who, key, dict[key]!.data, sizeOf(shape))
    this.#counters.expectSane(who, dict['counters']!.data as ArrayLike<number>)
  }

  /** @internal The blocks that it updates. */
  blocks(): readonly ParameterBlock[] {
    return this.#blocks
  }

  /** Gives the memory of the moments back; the optimiser cannot be used after. */
  dispose(): void {
    this.#scope.dispose()
  }

  [disposeSymbol](): void {
    this.dispose()
  }

  /** @internal Refuses to go on with memory that belongs to others by now. */
  expectAlive(who: string): void {
    if (this.#scope.disposed) fail('disposed', `${who}: the optimiser was disposed of`)
    expectBlocks(who, this.#blocks)
  }

  /** One step of parameters side by side: their counters, then their values. */
  protected abstract update(range: Range): void

  /** Where each moment of each parameter lies, by its name in the state. */
  *#entries(): Generator<[key: string, place: { shape: Shape; address: number }]> {
    for (const [moment, allocations] of this.#moments) {
      for (const [i, slots] of this.#slots.entries()) {
        for (const { name, shape, offset } of slots)
          yield [`${moment}.${name}`, { shape, address: allocations[i]!.address + offset }]
      }
    }
  }

  #rangesOf(block: ParameterBlock): readonly Range[] {
    const known = this.#ranges.get(block)
    if (known?.version === block.frozenVersion) return known.ranges
    const i = this.#blocks.indexOf(block)
    const moments = Object.fromEntries([...this.#moments].map(([name, of]) => [name, of[i]!.address]))
    const ranges = makeRanges(block, this.#slots[i]!, this.#counters, moments)
    this.#ranges.set(block, { version: block.frozenVersion, ranges })
    return ranges
  }
}

/** Moments of 0, and counters at their start. */
function remember(blocks: readonly ParameterBlock[], { moments, counters }: Memory) {
  const { runtime } = blocks[0]!
  const parameters = blocks.reduce((sum, block) => sum + block.parameters.length, 0)
  return inScope(runtime, (scope) => {
    const zeros = (bytes: number) => {
      const allocation = scope.allocate(bytes, 'optimiser state')
      runtime.core.zeroBytes(allocation.address, allocation.bytes)
      return allocation
    }
    const makeMoment = () => blocks.map(({ elements }) => zeros(elements * runtime.elementBytes))
    return {
      scope,
      moments: new Map(moments.map((name) => [name, makeMoment()])),
      counters: new Counters(runtime, zeros(Counters.bytes(parameters, counters)), parameters, counters),
    }
  })
}

export function expectOptimizer(who: string, optimizer: unknown): void {
  if (!(optimizer instanceof Optimizer))
    fail('type', `${who}: optimizer is ${describeValue(optimizer)}; expected an optimiser`)
}

/** The filter by name as a filter by tensor: a block knows its parameters by shorter names than a Sequential does. */
function decayFilter(who: string, trained: Trained, decay: unknown): (value: Tensor) => boolean {
  if (decay === undefined) return () => true
  if (typeof decay !== 'function') fail('option', `${who}: decay is not a function of a parameter's name`)
  const modules = trained instanceof Module ? [trained] : trained
  const decayed = new Set(
    modules.flatMap((module) =>
      module
        .parameters()
        .filter(({ name }) => decay(name))
        .map(({ value }) => value),
    ),
  )
  return (value) => decayed.has(value)
}
