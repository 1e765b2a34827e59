/** What one step of training is computed from: a batch, or with truncation a block of its steps. */
import type { Module } from '../module/module.ts'
import type { Tensor } from '../runtime/tensor.ts'
import type { Batch } from './data/batch.ts'
import { type Comparison, runBatch } from './model.ts'

export interface Portion {
  /** Counted from 0, of `count` in the batch. */
  readonly index: number
  readonly count: number
  /** Which of the batch's steps, where it is not all of them; for messages. */
  readonly place: string
  forward(): Comparison
  /** Adds up gradients, given that by the prediction. */
  backward(gradient: Tensor): void
}

/** How a batch is gone through. A portion is done before the next one is asked for. */
export interface Passage {
  portions(batch: Batch): Iterable<Portion>
  dispose(): void
}

/** All steps at once. */
export class WholeBatches implements Passage {
  readonly #model: Module

  constructor(model: Module) {
    this.#model = model
  }

  *portions(batch: Batch): Generator<Portion> {
    const model = this.#model
    yield {
      index: 0,
      count: 1,
      place: '',
      forward: () => runBatch(model, batch),
      backward: (gradient) => void model.backward({ output: gradient }, { inputGradient: false }),
    }
  }

  dispose(): void {}
}
