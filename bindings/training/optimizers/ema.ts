import type { ParameterBlock } from '../../module/parameters.ts'
import { expectNumber, expectOptions } from '../../runtime/check.ts'
import type { Allocation } from '../../runtime/heap.ts'
import { type Trained, blocksOf } from './trained.ts'

export interface EmaOptions {
  /** Share of the average that each update keeps; 0.999 if left out. */
  decay?: number
}

/** An exponential moving average of a model's weights: `update()` after each step, `swap()` to evaluate with it and back. */
export class ExponentialMovingAverage {
  readonly decay: number
  readonly #blocks: readonly ParameterBlock[]
  readonly #averages: readonly Allocation[]

  constructor(trained: Trained, options: EmaOptions = {}) {
    expectOptions('ExponentialMovingAverage', options, ['decay'])
    this.decay = expectNumber('ExponentialMovingAverage', 'decay', options.decay ?? 0.999, 0, 1)
    this.#blocks = blocksOf('ExponentialMovingAverage', trained)
    this.#averages = this.#blocks.map((block) => {
      const bytes = block.elements * block.runtime.elementBytes
      const average = block.runtime.heap.allocate(bytes, 'average of weights')
      block.runtime.core.copyBytes(average.address, block.values.address, bytes)
      return average
    })
  }

  /** average = decay average + (1 - decay) weights. */
  update(): void {
    for (const [i, { runtime, elements, values }] of this.#blocks.entries()) {
      runtime.core.averageInto(elements, this.decay, values.address, this.#averages[i]!.address)
    }
  }

  /** Exchanges weights and average; a second call undoes the first. */
  swap(): void {
    for (const [i, block] of this.#blocks.entries()) {
      const { runtime, elements, values } = block
      const held = runtime.arrayAt(values.address, elements).slice()
      runtime.core.copyBytes(values.address, this.#averages[i]!.address, elements * runtime.elementBytes)
      runtime.arrayAt(this.#averages[i]!.address, elements).set(held)
      block.version++
    }
  }

  dispose(): void {
    for (const average of this.#averages) average.dispose()
  }
}
