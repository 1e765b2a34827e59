import type { Module } from '../module/module.ts'
import { fail } from '../runtime/check.ts'
import { Blocks } from './blocks.ts'
import { callCounts } from './call-counts.ts'
import { Clock } from './clock.ts'
import type { Abort } from './data/abort.ts'
import type { BatchSource } from './data/batch.ts'
import { EarlyStopping } from './early-stopping.ts'
import { noteEpochs } from './epochs.ts'
import { evaluateSource, evaluationPassage } from './evaluate.ts'
import type { FitOptions, FitPosition, FitProgress, FitResult } from './fit-options.ts'
import type { FitSettings } from './fit-settings.ts'
import { History } from './history.ts'
import type { Holding } from './holding.ts'
import { divisorOf, lossOf } from './model.ts'
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
  /** Was its loss not finite, and are the rest of its batch's portions left out with it? */
  readonly isLeftOut: boolean
}

/** Settings, and what ends or holds a run. */
export interface RunSettings extends FitSettings {
  readonly abort: Abort
  readonly holding: Holding
}

/** One training run: what has been measured so far, and whether it goes on. */
export class Run {
  readonly #model: Module
  readonly #sources: Sources
  readonly #options: FitOptions
  readonly #settings: RunSettings
  readonly #passage: Passage
  readonly #validationPassage: Passage
  readonly #updates: Updates
  readonly #stopping: EarlyStopping | undefined
  readonly #history: History
  readonly #clock = new Clock()
  /** Of the epoch so far; metrics are the training data's, where there are no others. */
  #totals = new Totals('fit')
  #steps = 0
  #skipped = 0
  /** Of the epoch's steps. */
  #leftOut = 0
  #aborted = false
  #ended: boolean

  constructor(model: Module, sources: Sources, options: FitOptions, settings: RunSettings) {
    this.#model = model
    this.#sources = sources
    this.#options = options
    this.#settings = settings
    const { patience, from, truncation, accumulate } = settings
    this.#passage = truncation ? new Blocks('fit', model, truncation) : new WholeBatches(model)
    this.#validationPassage = evaluationPassage('fit', model, truncation)
    this.#updates = new Updates(model, options, accumulate)
    this.#stopping = patience < Infinity ? new EarlyStopping(patience, from.stopping) : undefined
    this.#history = new History(options)
    // the position is that of a run that had come to its end
    this.#ended = this.#stopping?.isOver ?? false
  }

  /** All epochs from where the run goes on. */
  async epochs(): Promise<FitResult> {
    const { from, epochs } = this.#settings
    for (let epoch = from.epoch; epoch < epochs && this.#goesOn(); epoch++) await this.#epoch(epoch)
    this.#stopping?.restoreBest(this.#model)
    return this.#history.result({ steps: this.#steps, skipped: this.#skipped, aborted: this.#aborted })
  }

  dispose(): void {
    this.#passage.dispose()
    this.#validationPassage.dispose()
    this.#updates.dispose()
  }

  /** A step is finished when it is known whether another one follows: the next batch is asked for after the update. */
  async #epoch(epoch: number): Promise<void> {
    const { from, truncation } = this.#settings
    const [firstBatch, sums] = epoch === from.epoch ? [from.batch, from.sums] : [0, undefined]
    this.#leftOut = 0
    this.#totals = new Totals('fit', this.#sources.validation ? [] : this.#options.metrics, sums)
    let batch = firstBatch
    let index = truncation ? 0 : firstBatch
    let step: TrainingStep | undefined
    this.#updates.begin(index)
    try {
      for await (const given of this.#sources.training.epoch(epoch, firstBatch)) {
        for (const portion of this.#passage.portions(given)) {
          const before = step
          step = undefined
          if (before) await this.#finish(before, false)
          if (!this.#goesOn()) return
          step = this.#train({ epoch, batch, portion, index })
          index++
          if (step.isLeftOut) break
        }
        batch++
      }
    } catch (error) {
      // a batch that fails comes after one that was trained on
      if (step) await this.#finish(step, false)
      throw error
    }
    // where the wait for a batch was ended, there may be more
    const isOver = this.#goesOn()
    if (step) await this.#finish(step, isOver)
    // gone on from a position behind the last batch
    else if (isOver) await this.#afterEpoch(epoch)
  }

  #goesOn(): boolean {
    if (this.#settings.abort.isCalled) this.#aborted = this.#ended = true
    return !this.#ended
  }

  /** One portion's gradients, and the update where enough of them are added up. */
  #train(place: Place): TrainingStep {
    const { epochsBefore, holding } = this.#settings
    const draws = this.#options.onNonFinite === 'skip' ? callCounts(this.#model) : undefined
    const { value, isLeftOut } = this.#model.runtime.scope(() => this.#backward(place))
    if (isLeftOut) draws?.restore()
    if (this.#updates.after(place) || isLeftOut) this.#skipped++
    if (isLeftOut) this.#leftOut++
    if (this.#steps === 0 || place.index === 0) noteEpochs(this.#model, epochsBefore + place.epoch + 1)
    this.#steps++
    holding.steps++
    return { ...place, loss: value, isLeftOut }
  }

  /** What does not count at all has no gradient. */
  #backward(place: Place): { value: number; isLeftOut: boolean } {
    const { portion } = place
    const comparison = portion.forward()
    const loss = lossOf('fit', this.#options.loss, comparison)
    const { value } = loss
    const divisor = divisorOf(loss, comparison)
    if (divisor === 0) {
      this.#totals.add(loss, 0, comparison)
      return { value: 0, isLeftOut: false }
    }
    if (!Number.isFinite(value)) {
      if (this.#options.onNonFinite === 'skip') return { value, isLeftOut: true }
      const advice = 'Lower the learning rate, clip gradients, or look for bad data'
      fail('non-finite', `fit: the loss is ${value} at ${nameOf(place)}; no update was made. ${advice}`)
    }
    this.#totals.add(loss, divisor, comparison)
    portion.backward(this.#updates.gradientOf(loss, divisor))
    return { value, isLeftOut: false }
  }

  async #finish(step: TrainingStep, isLast: boolean): Promise<void> {
    if (isLast) {
      if (this.#updates.finish(step)) this.#skipped++
      if (!(await this.#afterEpoch(step.epoch))) return
    }
    const { onProgress } = this.#options
    if (onProgress) await this.#report(onProgress, this.#progressAfter(step, isLast))
    await this.#clock.breathe()
  }

  /** A callback that comes after the signal is waited for all the same: it may save what was reached. */
  async #report(onProgress: NonNullable<FitOptions['onProgress']>, progress: FitProgress): Promise<void> {
    const { abort, holding } = this.#settings
    await holding.lend(() => (abort.isCalled ? onProgress(progress) : abort.wait(onProgress(progress))))
  }

  /** @returns whether it came to its end before the signal */
  async #afterEpoch(epoch: number): Promise<boolean> {
    const { loss, metrics, schedule } = this.#options
    const { validation } = this.#sources
    const measuring = { loss, metrics, epoch, passage: this.#validationPassage }
    const evaluation = validation && (await evaluateSource('fit', this.#model, validation, measuring))
    if (evaluation && !this.#goesOn()) return false
    // an epoch of which nothing could be measured
    const trainingLoss = this.#leftOut > 0 && !this.#totals.hasLoss ? Number.NaN : this.#totals.loss
    const measured = evaluation ? evaluation.metrics : this.#totals.metrics(this.#model.runtime)
    this.#history.add(trainingLoss, evaluation?.loss, measured)
    schedule?.step(evaluation?.loss ?? trainingLoss)
    if (evaluation && this.#stopping) {
      this.#stopping.judge(epoch, evaluation.loss, this.#model)
      this.#ended ||= this.#stopping.isOver
    }
    return true
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
    const { epochsBefore } = this.#settings
    return { ...placeAfter(step, isLast), ...(epochsBefore > 0 && { epochsBefore }), ...sums, ...stopping }
  }
}
