/** Data sets of samples, cut into batches. */
import { lengthsOf } from '../../module/lengths.ts'
import { fail } from '../../runtime/check.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Tensor } from '../../runtime/tensor.ts'
import type { Axes } from './axes.ts'
import type { Batch, BatchSource } from './batch.ts'
import { type Chosen, Gatherer } from './gatherer.ts'
import { Order } from './order.ts'
import { type SampleData, Selection, Tray } from './selection.ts'

/** How a data set is cut. */
export interface Cutting {
  /** What messages call the data. */
  readonly name: string
  readonly batchSize: number
  /** Samples keep their order if it is left out. */
  readonly seed?: number | undefined
  /** Epochs whose orders have been used up. */
  readonly epochsBefore?: number | undefined
}

/**
 * Input, target and what weighs it, whose batches are gathered: in a random order that is a function of the seed and the epoch, or,
 * without a seed, in their own.
 */
export class DataSet implements BatchSource {
  readonly batches: number
  readonly samples: number
  readonly #name: string
  readonly #batchSize: number
  readonly #axes: Axes
  readonly #data: SampleData
  readonly #order: Order
  readonly #epochsBefore: number
  readonly #tray: Tray
  readonly #lengths: GatheredLengths | undefined

  /** @param data that were checked, `axes` being theirs */
  constructor(runtime: Runtime, data: SampleData, axes: Axes, { name, batchSize, seed, epochsBefore = 0 }: Cutting) {
    const lengths = lengthsOf(data)
    this.#name = name
    this.#data = data
    this.#axes = axes
    this.#tray = new Tray(runtime, name)
    this.#lengths = lengths && new GatheredLengths(runtime, lengths)
    this.#order = new Order(runtime, axes.samples, seed)
    this.#epochsBefore = epochsBefore
    this.#batchSize = batchSize
    this.samples = axes.samples
    this.batches = Math.ceil(axes.samples / batchSize)
  }

  *epoch(epoch: number, first: number): Generator<Batch> {
    if (first > this.batches)
      fail('shape', `${this.#name} has ${this.batches} batches; there is no batch ${first + 1} to go on from`)
    this.#order.begin(this.#epochsBefore + epoch)
    for (let start = first * this.#batchSize; start < this.samples; start += this.#batchSize)
      yield this.#batch(this.#order.part(start, Math.min(this.#batchSize, this.samples - start)))
  }

  dispose(): void {
    for (const part of [this.#order, this.#tray, this.#lengths]) part?.dispose()
  }

  #batch(chosen: Chosen): Batch {
    return new Selection(this.#tray, this.#data, this.#axes, { chosen, lengths: this.#lengths?.gather(chosen) })
  }
}

/** Lengths that are gathered along with their samples. */
class GatheredLengths {
  readonly #all: Tensor
  readonly #gatherer: Gatherer

  constructor(runtime: Runtime, lengths: Int32Array) {
    this.#all = runtime.idTensor(lengths)
    this.#gatherer = new Gatherer(runtime, 'lengths')
  }

  gather(chosen: Chosen): Int32Array {
    return this.#gatherer.gather(this.#all, 0, chosen).data.slice() as Int32Array
  }

  dispose(): void {
    for (const part of [this.#all, this.#gatherer]) part.dispose()
  }
}
