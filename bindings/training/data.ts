/** Data sets of samples: checked once, then cut into batches. */
import type { Module } from '../nn/module.ts'
import { expectOptions, expectTensor } from '../runtime/check.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Tensor } from '../runtime/tensor.ts'
import { type Layout, expectAnyTensor, expectSamples, isPerStep, layoutOf, sampleAxis } from './axes.ts'
import { Gatherer, Order } from './batches.ts'
import { LengthMask, type Lengths, expectLengths } from './lengths.ts'

export interface FitData {
  /** [T, N, F] ([N, T, F] for a batchFirst model), [N, F] for a model without time, or ids [T, N]. */
  input: Tensor
  /**
   * What the loss compares with. Where the model's output has time: [T, N, F] or ids [T, N], samples along the input's axis; where
   * it has not, [N, F] or ids [N].
   */
  target: Tensor
  /**
   * Steps of each sample that hold data, N whole numbers from 0 to T: what comes after them is not read. A target per step is
   * masked by them unless there is a `mask`.
   */
  lengths?: Lengths
  /** For the loss, 0 leaves an element out: [T, N] or [T, N, F] where the output has time, else [N] or [N, F]. */
  mask?: Tensor
}

export interface Batch {
  readonly input: Tensor
  /** One per sample; kept by the caller until the next batch. */
  readonly lengths: Int32Array | undefined
  /** Samples. */
  readonly count: number
  /** What the loss compares the model's output with; its rank tells where their samples lie. */
  answersTo(output: Tensor): Answers
}

export interface Answers {
  readonly target: Tensor
  readonly mask: Tensor | undefined
}

/** Checks what belongs to one input. @returns how its axes lie */
export function checkData(who: string, prefix: string, model: Module, data: FitData): Layout {
  const { input, target, lengths, mask } = data
  const layout = layoutOf(who, `${prefix}input`, model, input)
  expectAnyTensor(who, `${prefix}target`, target, model)
  expectSamples(who, `${prefix}target`, target, layout, false)
  if (lengths !== undefined) expectLengths(who, `${prefix}lengths`, lengths, layout)
  if (mask !== undefined) {
    expectTensor(who, `${prefix}mask`, mask, model.runtime)
    expectSamples(who, `${prefix}mask`, mask, layout, true)
  }
  return layout
}

/** Input, target, lengths and mask, whose batches come in the order that `shuffle` or nothing sets. */
export class DataSet {
  readonly count: number
  readonly #layout: Layout
  readonly #data: FitData
  readonly #order: Order
  readonly #input: Gatherer
  readonly #target: Gatherer
  readonly #mask: Gatherer | undefined
  readonly #lengths: GatheredLengths | undefined

  constructor(who: string, model: Module, data: FitData, seed: number) {
    expectOptions(`${who}: data`, data, ['input', 'target', 'lengths', 'mask'])
    const { runtime } = model
    const { input, target, lengths, mask } = data
    this.#layout = checkData(who, 'data.', model, data)
    this.#data = data
    this.count = this.#layout.samples
    this.#input = new Gatherer(input)
    this.#target = new Gatherer(target)
    this.#mask = mask && new Gatherer(mask)
    this.#lengths = lengths && new GatheredLengths(runtime, lengths)
    this.#order = new Order(runtime, this.count, seed)
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
      lengths: this.#lengths?.gather(indices, count),
      count,
      answersTo: (output) => this.#answers(output, indices, count),
    }
  }

  dispose(): void {
    for (const part of [this.#order, this.#input, this.#target, this.#mask, this.#lengths]) part?.dispose()
  }

  #answers(output: Tensor, indices: number, count: number): Answers {
    const { target, mask } = this.#data
    const layout = this.#layout
    const answer = this.#target.gather(sampleAxis(target, layout, output, false), indices, count)
    if (mask)
      return { target: answer, mask: this.#mask!.gather(sampleAxis(mask, layout, output, true), indices, count) }
    const masked = this.#lengths && isPerStep(target, layout, output, false)
    return { target: answer, mask: masked ? this.#lengths!.mask(layout) : undefined }
  }
}

/** Lengths that are gathered along with their samples. */
class GatheredLengths {
  readonly #all: Tensor
  readonly #gatherer: Gatherer
  readonly #mask: LengthMask
  #batch: Tensor

  constructor(runtime: Runtime, lengths: Lengths) {
    this.#all = this.#batch = runtime.indices(lengths)
    this.#gatherer = new Gatherer(this.#all)
    this.#mask = new LengthMask(runtime)
  }

  gather(indices: number, count: number): Int32Array {
    this.#batch = this.#gatherer.gather(0, indices, count)
    return this.#batch.data.slice() as Int32Array
  }

  /** Of the batch that was gathered last. */
  mask(layout: Layout): Tensor {
    return this.#mask.of(this.#batch, layout)
  }

  dispose(): void {
    for (const part of [this.#all, this.#gatherer, this.#mask]) part.dispose()
  }
}
