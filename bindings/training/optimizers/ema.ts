import { type Parameter, type ParameterBlock, type StateDict, expectStateDict } from '../../module/parameters.ts'
import { expectNumber, expectOptions, fail } from '../../runtime/check.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { type Scope, inScope } from '../../runtime/scope.ts'
import { type FloatArray, type Shape, disposeSymbol } from '../../runtime/tensor.ts'
import { type Trained, blocksOf, expectBlocks, parametersOf } from './trained.ts'

export interface EmaOptions {
  /** Share of the average that each update keeps; 0.999 if left out. */
  decay?: number
}

/** A block of weights, and where its average lies. */
interface Average {
  readonly block: ParameterBlock
  readonly address: number
}

/**
 * An exponential moving average of a model's weights: `update()` after each step, `swap()` to evaluate with it and back. Memory is given
 * back by `dispose()`, or some time after the average was dropped, where the host has a FinalizationRegistry.
 */
export class ExponentialMovingAverage {
  readonly decay: number
  readonly #runtime: Runtime
  readonly #blocks: readonly ParameterBlock[]
  /** All names of all parameters, as the model's state dict has them. */
  readonly #parameters: readonly Parameter[]
  readonly #scope: Scope
  readonly #averages: readonly Average[]
  #swapped = false

  constructor(trained: Trained, options: EmaOptions = {}) {
    const who = 'ExponentialMovingAverage'
    expectOptions(who, options, ['decay'])
    const { decay = 0.999 } = options
    this.decay = expectNumber(who, 'decay', decay, 0, 1)
    this.#blocks = blocksOf(who, trained)
    if (this.#blocks.length === 0) fail('type', `${who}: there are no parameters to average`)
    this.#parameters = parametersOf(trained)
    this.#runtime = this.#blocks[0]!.runtime
    const { scope, averages } = copyWeights(this.#runtime, this.#blocks)
    this.#scope = scope
    this.#averages = averages
  }

  /** average = decay average + (1 - decay) weights. @throws RetrogradError 'disposed', or 'option' while the averages are swapped in */
  update(): void {
    this.#expectOwnPlace('update')
    for (const { block, address } of this.#averages)
      this.#runtime.core.averageInto(block.elements, this.decay, block.values.address, address)
  }

  /** Exchanges weights and average; a second call undoes the first. @throws RetrogradError 'disposed' */
  swap(): void {
    this.#expectAlive('swap')
    for (const { block, address } of this.#averages) {
      const { elements, values } = block
      const held = this.#runtime.arrayAt(values.address, elements).slice()
      this.#runtime.core.copyBytes(values.address, address, elements * this.#runtime.elementBytes)
      this.#runtime.arrayAt(address, elements).set(held)
      block.version++
    }
    this.#swapped = !this.#swapped
  }

  /** Copies of the averages in the model's own names and shapes: `model.loadStateDict(ema.stateDict())` takes them for weights. */
  stateDict(): Record<string, { shape: Shape; data: FloatArray }> {
    this.#expectOwnPlace('stateDict')
    return Object.fromEntries(
      this.#parameters.map(({ name, value }) => {
        const data = this.#runtime.arrayAt(this.#addressOf(value.address), value.size) as FloatArray
        return [name, { shape: [...value.shape], data: data.slice() }]
      }),
    )
  }

  /** Goes on from averages kept before. @throws RetrogradError 'state-dict' if names, shapes or elements are wrong; nothing changes then */
  loadStateDict(dict: StateDict): void {
    this.#expectOwnPlace('loadStateDict')
    expectStateDict('ExponentialMovingAverage.loadStateDict', this.#parameters, dict)
    for (const { name, value } of this.#parameters)
      this.#runtime.arrayAt(this.#addressOf(value.address), value.size).set(dict[name]!.data as ArrayLike<number>)
  }

  dispose(): void {
    this.#scope.dispose()
  }

  [disposeSymbol](): void {
    this.dispose()
  }

  /** Where the average of the value at an address lies. */
  #addressOf(address: number): number {
    const { block, address: start } = this.#averages.find(
      ({ block: { values } }) => address >= values.address && address < values.address + values.bytes,
    )!
    return start + address - block.values.address
  }

  #expectAlive(method: string): void {
    const who = `ExponentialMovingAverage.${method}`
    if (this.#scope.disposed) fail('disposed', `${who}: the average was disposed of`)
    expectBlocks(who, this.#blocks)
  }

  #expectOwnPlace(method: string): void {
    this.#expectAlive(method)
    if (this.#swapped)
      fail('option', `ExponentialMovingAverage.${method}: the averages are swapped in as weights; call swap() first`)
  }
}

function copyWeights(runtime: Runtime, blocks: readonly ParameterBlock[]) {
  return inScope(runtime, (scope) => {
    const averages = blocks.map((block) => {
      const bytes = block.elements * runtime.elementBytes
      const { address } = scope.allocate(bytes, 'average of weights')
      runtime.core.copyBytes(address, block.values.address, bytes)
      return { block, address }
    })
    return { scope, averages }
  })
}
