/** Data sets of samples: checked once, then cut into batches. */
import type { Module } from '../nn/module.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Tensor } from '../runtime/tensor.ts'
import { type Layout, isPerStep, sampleAxis } from './axes.ts'
import { type Answers, type Batch, type FitData, checkData } from './batch.ts'
import { Gatherer, Order } from './batches.ts'
import { LengthMask, type Lengths } from './lengths.ts'
import type { BatchSource } from './source.ts'

/**
 * Input, target, lengths and mask, whose batches are gathered: in a random order that is a function of the seed and the epoch, or,
 * without a seed, in their own.
 */
export class DataSet implements BatchSource {
  readonly batches: number
  readonly #batchSize: number
  readonly #seeded: boolean
  readonly #layout: Layout
  readonly #data: FitData
  readonly #order: Order
  readonly #input: Gatherer
  readonly #target: Gatherer
  readonly #mask: Gatherer | undefined
  readonly #lengths: GatheredLengths | undefined

  constructor(who: string, name: string, model: Module, data: FitData, batchSize: number, seed: number | undefined) {
    this.#layout = checkData(who, name, model, data)
    const { runtime } = model
    const { input, target, lengths, mask } = data
    this.#data = data
    this.#input = new Gatherer(input)
    this.#target = new Gatherer(target)
    this.#mask = mask && new Gatherer(mask)
    this.#lengths = lengths && new GatheredLengths(runtime, lengths)
    this.#order = new Order(runtime, this.#layout.samples, seed ?? 0)
    this.#seeded = seed !== undefined
    this.#batchSize = batchSize
    this.batches = Math.ceil(this.#layout.samples / batchSize)
  }

  *epoch(epoch: number, first: number): Generator<Batch> {
    const { samples } = this.#layout
    if (this.#seeded) this.#order.shuffle(epoch)
    for (let start = first * this.#batchSize; start < samples; start += this.#batchSize)
      yield this.#batch(start, Math.min(this.#batchSize, samples - start))
  }

  dispose(): void {
    for (const part of [this.#order, this.#input, this.#target, this.#mask, this.#lengths]) part?.dispose()
  }

  /** Samples [first, first + count) of the order; the tensors are overwritten by the next batch of the same size. */
  #batch(first: number, count: number): Batch {
    const indices = this.#order.from(first)
    return {
      input: this.#input.gather(this.#layout.axis, indices, count),
      lengths: this.#lengths?.gather(indices, count),
      count,
      answersTo: (output) => this.#answers(output, indices, count),
    }
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
