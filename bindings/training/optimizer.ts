import type { ParameterBlock, StateDict } from '../nn/parameters.ts'
import { expectOptions, fail } from '../runtime/check.ts'
import type { Allocation } from '../runtime/heap.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { FloatArray, Shape } from '../runtime/tensor.ts'
import { type Trained, blocksOf } from './targets.ts'

/** What optimisers share: the blocks they update, and per block as many moment arrays of its size as they need. */
export abstract class Optimizer {
  readonly runtime: Runtime
  /** Learning rate; may be changed between steps. */
  lr: number
  protected readonly blocks: readonly ParameterBlock[]
  readonly #moments: Map<string, Allocation[]>

  constructor(who: string, trained: Trained, lr: number, moments: readonly string[]) {
    this.blocks = blocksOf(who, trained)
    if (this.blocks.length === 0) fail('type', `${who}: there are no parameters to optimise`)
    this.runtime = this.blocks[0]!.runtime
    this.lr = lr
    this.#moments = new Map(moments.map((name) => [name, this.blocks.map((block) => this.#allocate(block))]))
  }

  /** Updates all parameters from their gradients. */
  step(): void {
    for (const block of this.blocks) {
      if (!block.values.alive) fail('disposed', `${this.constructor.name}.step: a module was disposed of`)
    }
    this.begin()
    for (const [i, block] of this.blocks.entries()) {
      this.update(block, i)
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
        const data = this.runtime.arrayAt(allocation.address, this.blocks[i]!.elements) as FloatArray
        dict[`${name}.${i}`] = { shape: [data.length], data: data.slice() }
      }
    }
    return dict
  }

  /** @throws RetrogradError 'state-dict' if the state is of another optimiser or model; nothing changes then */
  loadStateDict(dict: StateDict): void {
    const own = this.stateDict()
    const who = `${this.constructor.name}.loadStateDict`
    expectOptions(who, dict, Object.keys(own))
    for (const [name, { data }] of Object.entries(own)) {
      if (dict[name]?.data?.length !== data.length) {
        fail(
          'state-dict',
          `${who}: '${name}' holds ${dict[name]?.data?.length ?? 'no'} numbers; expected ${data.length}`,
        )
      }
    }
    this.restoreCounters(dict['counters']!.data as ArrayLike<number>)
    for (const [name, allocations] of this.#moments) {
      for (const [i, allocation] of allocations.entries()) {
        this.runtime
          .arrayAt(allocation.address, this.blocks[i]!.elements)
          .set(dict[`${name}.${i}`]!.data as ArrayLike<number>)
      }
    }
  }

  /** Once per step, before the blocks. */
  protected abstract begin(): void
  protected abstract update(block: ParameterBlock, index: number): void
  /** What else the state holds, as float64. */
  protected abstract counters(): Float64Array
  protected abstract restoreCounters(counters: ArrayLike<number>): void

  protected moment(name: string, index: number): number {
    return this.#moments.get(name)![index]!.address
  }

  #allocate(block: ParameterBlock): Allocation {
    return block.runtime.heap.allocateZeros(block.elements * block.runtime.elementBytes, 'optimiser state')
  }
}
