import type { Module } from '../module/module.ts'
import { fail } from '../runtime/check.ts'
import { Blocks } from './blocks.ts'
import { Clock } from './clock.ts'
import type { BatchSource } from './data/batch.ts'
import { EarlyStopping } from './early-stopping.ts'
import { evaluateSource } from './evaluate.ts'
import type { FitOptions, FitPosition, FitProgress, FitResult } from './fit-options.ts'
import type { FitSettings } from './fit-settings.ts'
import { History } from './history.ts'
import { lossOf } from './model.ts'
import { type Place, nameOf, placeAfter, portionsAfter } from './place.ts'
import { type Passage, WholeBatches } from './portions.ts'
import { Totals } from './totals.ts'
import { Updates } from './updates.ts'

export interface Sources {
  readonly training: BatchSource
  readonly validation: BatchSource | undefined
}

/** One step of training, done but for what follows it. */
interface TrainingStep extends Place {
  readonly loss: number
}

/** One training run: what has been measured so far, and whether it goes on. */
export class Run {
  readonly #model: Module
  readonly #sources: Sources
  readonly #options: FitOptions
  readonly #settings: FitSettings
  readonly #passage: Passage
  readonly #updates: Updates
  readonly #stopping: EarlyStopping | undefined
  readonly #history: History
  readonly #clock = new Clock()
  /** Of the epoch so far; metrics are the training data's, where there are no others. */
  #totals = new Totals('fit')
  #steps = 0
  #ended: boolean

  constructor(model: Module, sources: Sources, options: FitOptions, settings: FitSettings) {
    this.#model = model
    this.#sources = sources
    this.#options = options
    this.#settings = settings
    const { patience, from, truncation, accumulate } = settings
    this.#passage = truncation ? new Blocks(model, truncation) : new WholeBatches(model)
    this.#updates = new Updates(model, options, accumulate)
    this.#stopping = patience < Infinity ? new EarlyStopping(patience, from.stopping) : undefined
    this.#history = new History(options)
    // the position is that of a run that had come to its end
    this.#ended = this.#stopping?.isOver ?? false
  }

  /** All epochs from where the run goes on. */
  async epochs(): Promise<FitResult> {
    const { from, epochs } = this.#settings
    for (let epoch = from.epoch; epoch < epochs && !this.#ended; epoch++) await this.#epoch(epoch)
    this.#stopping?.restoreBest(this.#model)
    return this.#history.result(this.#steps)
  }

  dispose(): void {
    this.#passage.dispose()
  }

  /** A step is finished when it is known whether another one follows: the next batch is asked for after the update. */
  async #epoch(epoch: number): Promise<void> {
    const { from, truncation } = this.#settings
    const [firstBatch, sums] = epoch === from.epoch ? [from.batch, from.sums] : [0, undefined]
    this.#totals = new Totals('fit', this.#sources.validation ? [] : this.#options.metrics, sums)
    let batch = firstBatch
    let index = truncation ? 0 : firstBatch
    let step: TrainingStep | undefined
    for await (const given of this.#sources.training.epoch(epoch, firstBatch)) {
      for (const portion of this.#passage.portions(given)) {
        if (step) await this.#finish(step, false)
        if (this.#aborted()) return
        step = this.#train({ epoch, batch, portion, index })
        index++
      }
      batch++
    }
    if (step) await this.#finish(step, true)
  }

  #aborted(): boolean {
    if (this.#options.signal?.aborted) this.#ended = true
    return this.#ended
  }

  /** One portion's gradients, and the update where enough of them are added up. */
  #train(place: Place): TrainingStep {
    this.#updates.before(place)
    const loss = this.#backward(place)
    this.#updates.after(place)
    this.#steps++
    return { ...place, loss }
  }

  #backward(place: Place): number {
    const { portion } = place
    const comparison = portion.forward()
    const { value, grad } = lossOf(this.#options.loss, comparison)
    if (!Number.isFinite(value)) {
      const advice = 'Lower the learning rate, clip gradients, or look for bad data'
      fail('non-finite', `fit: the loss is ${value} at ${nameOf(place)}; no update was made. ${advice}`)
    }
    this.#totals.add(value, portion.weight, comparison)
    portion.backward(grad)
    return value
  }

  async #finish(step: TrainingStep, isLast: boolean): Promise<void> {
    if (isLast) {
      this.#updates.finish(step)
      await this.#afterEpoch(step.epoch)
    }
    await this.#options.onProgress?.(this.#progressAfter(step, isLast))
    await this.#clock.breathe()
  }

  async #afterEpoch(epoch: number): Promise<void> {
    const { loss, metrics, schedule } = this.#options
    const { validation } = this.#sources
    const evaluation = validation && (await evaluateSource('fit', this.#model, validation, { loss, metrics, epoch }))
    const { loss: trainingLoss } = this.#totals
    const measured = evaluation ? evaluation.metrics : this.#totals.metrics(this.#model.runtime)
    this.#history.add(trainingLoss, evaluation?.loss, measured)
    schedule?.step(evaluation?.loss ?? trainingLoss)
    if (!evaluation || !this.#stopping) return
    this.#stopping.judge(epoch, evaluation.loss, this.#model)
    this.#ended ||= this.#stopping.isOver
  }

  #progressAfter(step: TrainingStep, isLast: boolean): FitProgress {
    const { epochs } = this.#settings
    const stepsPerSecond = this.#clock.rate(this.#steps)
    const left = portionsAfter(step, epochs, this.#sources.training.batches)
    return {
      epoch: step.epoch + 1,
      epochs,
      step: this.#steps,
      steps: left === undefined ? undefined : this.#steps + left,
      loss: step.loss,
      stepsPerSecond,
      secondsLeft: left === undefined ? undefined : left / stepsPerSecond,
      position: this.#positionAfter(step, isLast),
    }
  }

  #positionAfter(step: TrainingStep, isLast: boolean): FitPosition {
    const stopping = this.#stopping && { stopping: this.#stopping.state }
    const sums = isLast ? {} : { sums: this.#totals.sums }
    return { ...placeAfter(step, isLast), ...sums, ...stopping }
  }
}
