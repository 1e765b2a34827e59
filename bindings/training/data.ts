/** Data sets of samples: checked once, then cut into batches. */
import type { Module } from '../nn/module.ts'
import { expectOptions, expectTensor } from '../runtime/check.ts'
import type { Tensor } from '../runtime/tensor.ts'
import { type Layout, expectAnyTensor, expectSamples, layoutOf, sampleAxis } from './axes.ts'
import { Gatherer, Order } from './batches.ts'

export interface FitData {
  /** [T, N, F] ([N, T, F] for a batchFirst model), [N, F] for a model without time, or ids [T, N]. */
  input: Tensor
  /**
   * What the loss compares with. Where the model's output has time: [T, N, F] or ids [T, N], samples along the input's axis; where
   * it has not, [N, F] or ids [N].
   */
  target: Tensor
  /** For the loss, 0 leaves an element out: [T, N] or [T, N, F] where the output has time, else [N] or [N, F]. */
  mask?: Tensor
}

export interface Batch {
  readonly input: Tensor
  /** Samples. */
  readonly count: number
  /** What the loss compares the model's output with; its rank tells where their samples lie. */
  answersTo(output: Tensor): Answers
}

export interface Answers {
  readonly target: Tensor
  readonly mask: Tensor | undefined
}

/** Input, target and mask, whose batches come in the order that `shuffle` or nothing sets. */
export class DataSet {
  readonly count: number
  readonly #layout: Layout
  readonly #data: FitData
  readonly #order: Order
  readonly #input: Gatherer
  readonly #target: Gatherer
  readonly #mask: Gatherer | undefined

  constructor(who: string, model: Module, data: FitData, seed: number) {
    expectOptions(`${who}: data`, data, ['input', 'target', 'mask'])
    const layout = layoutOf(who, 'data.input', model, data.input)
    const { target, mask } = data
    expectAnyTensor(who, 'data.target', target, model)
    expectSamples(who, 'data.target', target, layout, false)
    if (mask) {
      expectTensor(who, 'data.mask', mask, model.runtime)
      expectSamples(who, 'data.mask', mask, layout, true)
    }
    this.count = layout.samples
    this.#layout = layout
    this.#data = data
    this.#input = new Gatherer(data.input)
    this.#target = new Gatherer(target)
    this.#mask = mask && new Gatherer(mask)
    this.#order = new Order(model.runtime, this.count, seed)
  }

  /** Another random order, a function of the seed and the epoch. */
  shuffle(epoch: number): void {
    this.#order.shuffle(epoch)
  }

  /** Samples [first, first + count) of the order; the tensors are overwritten by the next batch of the same size. */
  batch(first: number, count: number): Batch {
    const indices = this.#order.from(first)
    return {
      input: this.#input.gather(this.#layout.axis, indices, count),
      count,
      answersTo: (output) => this.#answers(output, indices, count),
    }
  }

  dispose(): void {
    for (const part of [this.#order, this.#input, this.#target, this.#mask]) part?.dispose()
  }

  #answers(output: Tensor, indices: number, count: number): Answers {
    const { target, mask } = this.#data
    const layout = this.#layout
    return {
      target: this.#target.gather(sampleAxis(target, layout, output, false), indices, count),
      mask: mask && this.#mask?.gather(sampleAxis(mask, layout, output, true), indices, count),
    }
  }
}
