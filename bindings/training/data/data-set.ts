/** Data sets of samples: checked once, then cut into batches. */
import type { Module } from '../../nn/module.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Tensor } from '../../runtime/tensor.ts'
import type { Layout } from './axes.ts'
import { type Batch, type FitData, checkData } from './batch.ts'
import { type Chosen, Gatherer, Order } from './batches.ts'
import type { Lengths } from './lengths.ts'
import { Selection, Tray } from './selection.ts'
import type { BatchSource } from './source.ts'

/** How a data set is cut. */
export interface Cutting {
  readonly batchSize: number
  /** Samples keep their order if it is left out. */
  readonly seed: number | undefined
  /** Batches are run on a few steps at a time. */
  readonly bySteps: boolean
}

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
  readonly #tray: Tray
  readonly #lengths: GatheredLengths | undefined

  constructor(who: string, name: string, model: Module, data: FitData, { batchSize, seed, bySteps }: Cutting) {
    this.#layout = checkData(who, name, model, data, bySteps)
    const { runtime } = model
    this.#data = data
    this.#tray = new Tray(runtime)
    this.#lengths = data.lengths && new GatheredLengths(runtime, data.lengths)
    this.#order = new Order(runtime, this.#layout.samples, seed ?? 0)
    this.#seeded = seed !== undefined
    this.#batchSize = batchSize
    this.batches = Math.ceil(this.#layout.samples / batchSize)
  }

  *epoch(epoch: number, first: number): Generator<Batch> {
    const { samples } = this.#layout
    if (this.#seeded) this.#order.shuffle(epoch)
    for (let start = first * this.#batchSize; start < samples; start += this.#batchSize)
      yield this.#batch(this.#order.part(start, Math.min(this.#batchSize, samples - start)))
  }

  dispose(): void {
    for (const part of [this.#order, this.#tray, this.#lengths]) part?.dispose()
  }

  #batch(chosen: Chosen): Batch {
    return new Selection(this.#tray, this.#data, this.#layout, { chosen, lengths: this.#lengths?.gather(chosen) })
  }
}

/** Lengths that are gathered along with their samples. */
class GatheredLengths {
  readonly #all: Tensor
  readonly #gatherer: Gatherer

  constructor(runtime: Runtime, lengths: Lengths) {
    this.#all = runtime.indices(lengths)
    this.#gatherer = new Gatherer(runtime)
  }

  gather(chosen: Chosen): Int32Array {
    return this.#gatherer.gather(this.#all, 0, chosen).data.slice() as Int32Array
  }

  dispose(): void {
    for (const part of [this.#all, this.#gatherer]) part.dispose()
  }
}
