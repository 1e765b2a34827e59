import { Module } from '../../module/module.ts'
import { type ParameterBlock, type StateDict, expectNumbers } from '../../module/parameters.ts'
import { describeValue, expectNumber, expectOptions, fail } from '../../runtime/check.ts'
import type { Allocation } from '../../runtime/heap.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { FloatArray, Shape, Tensor } from '../../runtime/tensor.ts'
import { type Trained, blocksOf } from './trained.ts'

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

/** Parameters side by side in a block that are updated alike. */
export interface Range {
  readonly elements: number
  readonly weightDecay: number
  /** Addresses of the first value and gradient. */
  readonly value: number
  readonly grad: number
  /** Bytes from the block's start: the same in every moment's array. */
  readonly offset: number
}

/** What optimisers share: the blocks they update, and per block as many moment arrays of its size as they need. */
export abstract class Optimizer {
  readonly runtime: Runtime
  /** Learning rate; may be changed between steps. */
  lr: number
  readonly weightDecay: number
  readonly #who: string
  readonly #blocks: readonly ParameterBlock[]
  readonly #moments: ReadonlyMap<string, Allocation[]>
  /** Ranges of each block, made anew only where parameters were frozen or unfrozen. */
  readonly #ranges = new Map<ParameterBlock, { version: number; ranges: readonly Range[] }>()
  readonly #decays: (value: Tensor) => boolean

  constructor(
    who: string,
    trained: Trained,
    options: Required<Omit<OptimizerOptions, 'decay'>> & OptimizerOptions,
    moments: readonly string[],
  ) {
    this.lr = expectNumber(who, 'lr', options.lr, 0)
    this.weightDecay = expectNumber(who, 'weightDecay', options.weightDecay, 0)
    this.#who = who
    this.#blocks = blocksOf(who, trained)
    if (this.#blocks.length === 0) fail('type', `${who}: there are no parameters to optimise`)
    this.runtime = this.#blocks[0]!.runtime
    this.#decays = decayFilter(who, trained, options.decay)
    const allocate = (block: ParameterBlock) =>
      this.runtime.heap.allocateZeros(block.elements * this.runtime.elementBytes, 'optimiser state')
    this.#moments = new Map(moments.map((name) => [name, this.#blocks.map(allocate)]))
  }

  /** Updates all parameters that are not frozen from their gradients. */
  step(): void {
    for (const block of this.#blocks) {
      if (!block.values.alive) fail('disposed', `${this.#who}.step: a module was disposed of`)
    }
    this.begin()
    for (const [i, block] of this.#blocks.entries()) {
      for (const range of this.#rangesOf(block))
        this.update(range, (name) => this.#moments.get(name)![i]!.address + range.offset)
      block.version++
    }
  }

  /** Steps taken, and every moment by name and block. */
  stateDict(): Record<string, { shape: Shape; data: FloatArray }> {
    const counters = this.counters()
    const dict: Record<string, { shape: Shape; data: FloatArray }> = {
      counters: { shape: [counters.length], data: counters },
    }
    for (const [name, allocations] of this.#moments) {
      for (const [i, allocation] of allocations.entries()) {
        const data = this.runtime.arrayAt(allocation.address, this.#blocks[i]!.elements) as FloatArray
        dict[`${name}.${i}`] = { shape: [data.length], data: data.slice() }
      }
    }
    return dict
  }

  /** @throws RetrogradError 'state-dict' if the state is of another optimiser or model; nothing changes then */
  loadStateDict(dict: StateDict): void {
    const own = this.stateDict()
    const who = `${this.#who}.loadStateDict`
    expectOptions(who, dict, Object.keys(own))
    for (const [name, { data }] of Object.entries(own)) {
      expectNumbers(who, name, dict[name]?.data, data.length)
    }
    this.restoreCounters(Array.from(dict['counters']!.data as ArrayLike<number>))
    for (const [name, allocations] of this.#moments) {
      for (const [i, allocation] of allocations.entries()) {
        const target = this.runtime.arrayAt(allocation.address, this.#blocks[i]!.elements)
        target.set(dict[`${name}.${i}`]!.data as ArrayLike<number>)
      }
    }
  }

  /** Once per step, before the ranges. */
  protected abstract begin(): void
  protected abstract update(range: Range, moment: (name: string) => number): void
  /** What else the state holds, as float64. */
  protected abstract counters(): Float64Array
  protected abstract restoreCounters(counters: readonly number[]): void

  #rangesOf(block: ParameterBlock): readonly Range[] {
    const known = this.#ranges.get(block)
    if (known?.version === block.frozenVersion) return known.ranges
    const ranges = this.#makeRanges(block)
    this.#ranges.set(block, { version: block.frozenVersion, ranges })
    return ranges
  }

  /** Neighbours that are decayed alike are one range. */
  #makeRanges(block: ParameterBlock): Range[] {
    const bytes = this.runtime.elementBytes
    const ranges: Range[] = []
    for (const [i, { name, value, grad }] of block.parameters.entries()) {
      if (block.frozen.has(name)) continue
      const { first, elements } = block.rangeOf(i)
      const weightDecay = this.weightDecay > 0 && this.#decays(value) ? this.weightDecay : 0
      const last = ranges.at(-1)
      const offset = first * bytes
      if (last && last.weightDecay === weightDecay && last.offset + last.elements * bytes === offset) {
        ranges[ranges.length - 1] = { ...last, elements: last.elements + elements }
      } else ranges.push({ elements, weightDecay, value: value.address, grad: grad.address, offset })
    }
    return ranges
  }
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
