/** Batches that the caller makes, checked one by one. */
import { lengthsOf } from '../../module/lengths.ts'
import type { Module } from '../../module/module.ts'
import { describeValue, fail } from '../../runtime/check.ts'
import { Abort } from './abort.ts'
import type { Batch, BatchSource } from './batch.ts'
import { type FitBatches, type FitData, checkData, partsOf } from './fit-data.ts'
import { Selection, Tray } from './selection.ts'

type Batches = FitBatches | ((epoch: number) => FitBatches | Promise<FitBatches>)

interface StreamOptions {
  /** How often it will be gone through. */
  readonly epochs: number
  readonly bySteps: boolean
  readonly abort?: Abort | undefined
}

const REMEDY = 'pass an array, an object with [Symbol.asyncIterator], or a function that makes an iterable per epoch'

export class BatchStream implements BatchSource {
  readonly #who: string
  readonly #name: string
  readonly #model: Module
  readonly #data: Batches
  readonly #bySteps: boolean
  readonly #tray: Tray
  readonly #abort: Abort
  /** Learned from the epoch before. */
  batches: number | undefined

  constructor(who: string, name: string, model: Module, data: Batches, options: StreamOptions) {
    const { epochs, bySteps, abort = new Abort() } = options
    // what is an iterator itself is gone through once
    if (epochs > 1 && 'next' in data)
      fail('option', `${who}: ${name} is an iterator, good for one epoch, and there are ${epochs}; ${REMEDY}`)
    this.#who = who
    this.#name = name
    this.#model = model
    this.#data = data
    this.#bySteps = bySteps
    this.#abort = abort
    this.#tray = new Tray(model.runtime, `${who}: ${name}`)
  }

  /** Ends early where it is aborted. */
  async *epoch(epoch: number, first: number): AsyncGenerator<Batch> {
    let count = 0
    const opened = await this.#abort.wait(this.#open(epoch))
    if (!opened) return
    for await (const data of this.#abort.through(opened.value)) {
      count++
      if (count > first) yield this.#batch(data, `batch ${count} of epoch ${epoch + 1}`)
    }
    if (this.#abort.isCalled) return
    const least = Math.max(first, 1)
    if (count < least) {
      const given = `${this.#who}: ${this.#name} gave ${count} batches in epoch ${epoch + 1}`
      fail('shape', `${given}; expected at least ${least}. If it was used up before, ${REMEDY}`)
    }
    this.batches = count
  }

  dispose(): void {
    this.#tray.dispose()
  }

  async #open(epoch: number): Promise<FitBatches> {
    if (typeof this.#data !== 'function') return this.#data
    const made: unknown = await this.#data(epoch)
    if (Symbol.iterator in Object(made) || Symbol.asyncIterator in Object(made)) return made as FitBatches
    return fail(
      'type',
      `${this.#who}: ${this.#name}(${epoch}) is ${describeValue(made)}; expected an iterable of batches`,
    )
  }

  #batch(data: FitData, where: string): Batch {
    const parts = partsOf(data)
    const axes = checkData(`${this.#who}: ${where}`, this.#name, this.#model, parts, this.#bySteps)
    return new Selection(this.#tray, parts, axes, { lengths: lengthsOf(parts) })
  }
}
