import type { Module } from '../nn/module.ts'
import { fail } from '../runtime/check.ts'
import type { Batch } from './batch.ts'
import { clipGradNorm, clipGradValue } from './clip.ts'
import { Clock } from './clock.ts'
import { EarlyStopping } from './early-stopping.ts'
import { BATCH_SIZE, evaluateSource } from './evaluate.ts'
import { type FitOptions, type FitPosition, type FitResult, type Settings, checkOptions } from './fit-options.ts'
import { forwardWith } from './lengths.ts'
import { type MetricName, type Metrics, Tallies } from './metrics.ts'
import { type BatchSource, type FitSource, openSource } from './source.ts'

/** Samples per batch where the caller gives no number. */
const TRAINING_BATCH_SIZE = 32

/**
 * Trains a model: per batch forward, its loss and backward; then clipping and an update. Samples come in a new random order
 * every epoch; batches that the data bring along are used as they come.
 *
 * @throws RetrogradError 'non-finite' for a loss that is not a finite number, before any update; 'shape', 'type' or 'option' for data
 *   that do not fit the model, saying which batch
 */
export async function fit(model: Module, data: FitSource, options: FitOptions): Promise<FitResult> {
  const settings = checkOptions(model, options)
  const { from } = settings
  const sources = openSources(model, data, options, settings)
  const wasTraining = model.training
  const run = new Run(model, sources, options, settings)
  model.train()
  try {
    for (let epoch = from.epoch; epoch < settings.epochs && !run.ended; epoch++)
      await run.epoch(epoch, epoch === from.epoch ? from.batch : 0)
    run.restoreBest()
  } finally {
    for (const source of Object.values(sources)) source?.dispose()
    if (!wasTraining) model.eval()
  }
  return run.result()
}

interface Sources {
  readonly training: BatchSource
  readonly validation: BatchSource | undefined
}

function openSources(model: Module, data: FitSource, options: FitOptions, settings: Settings): Sources {
  const { batchSize, seed, validation } = options
  const epochs = settings.epochs - settings.from.epoch
  const sizes = { batchSize, defaultSize: TRAINING_BATCH_SIZE }
  const order = { seed, defaultSeed: model.runtime.seed }
  const training = openSource('fit', 'data', model, data, { ...sizes, ...order, epochs })
  if (!validation) return { training, validation: undefined }
  const own = { batchSize: undefined, defaultSize: BATCH_SIZE, epochs }
  try {
    return { training, validation: openSource('fit', 'validation', model, validation, own) }
  } catch (error) {
    training.dispose()
    throw error
  }
}

/** One batch of training, done but for what follows it. */
interface Step {
  readonly epoch: number
  /** Counted from 0 in its epoch. */
  readonly batch: number
  readonly loss: number
}

/** One training run: what has been measured so far, and whether it goes on. */
class Run {
  ended = false
  readonly #model: Module
  readonly #sources: Sources
  readonly #options: FitOptions
  readonly #settings: Settings
  readonly #clock = new Clock()
  readonly #losses: number[] = []
  readonly #validation: number[] = []
  readonly #metrics: Partial<Record<MetricName, number[]>> = {}
  /** Of the training data, where there are no others. */
  #tallies = new Tallies('fit')
  /** Sum of the epoch's losses so far, each times its samples, and the samples. */
  #epochLoss = { sum: 0, count: 0 }
  #step = 0
  readonly #stopping: EarlyStopping | undefined

  constructor(model: Module, sources: Sources, options: FitOptions, settings: Settings) {
    this.#model = model
    this.#sources = sources
    this.#options = options
    this.#settings = settings
    const { patience, from } = settings
    if (patience < Infinity) this.#stopping = new EarlyStopping(patience, from.stopping)
    // the position is that of a run that had come to its end
    this.ended = this.#stopping?.isOver ?? false
  }

  /** A step is finished when it is known whether another one follows: the next batch is asked for after the update. */
  async epoch(epoch: number, firstBatch: number): Promise<void> {
    const { from } = this.#settings
    const { loss = { sum: 0, count: 0 }, ...metrics } = (epoch === from.epoch && from.sums) || {}
    this.#epochLoss = { ...loss }
    this.#tallies = new Tallies('fit', this.#sources.validation ? [] : this.#options.metrics, metrics)
    let batch = firstBatch
    let step: Step | undefined
    for await (const given of this.#sources.training.epoch(epoch, firstBatch)) {
      if (step) await this.#finish(step, false)
      if (this.#aborted()) return
      step = { epoch, batch, loss: this.#train(given, epoch, batch) }
      batch++
    }
    if (step) await this.#finish(step, true)
  }

  restoreBest(): void {
    this.#stopping?.restoreBest(this.#model)
  }

  result(): FitResult {
    const validation = this.#options.validation ? { validation: this.#validation } : {}
    const metrics = this.#options.metrics ? { metrics: this.#metrics } : {}
    return { loss: this.#losses, ...validation, ...metrics, steps: this.#step }
  }

  #aborted(): boolean {
    if (this.#options.signal?.aborted) this.ended = true
    return this.ended
  }

  /** One batch's gradients, and the update where enough of them are added up. @returns its loss */
  #train(given: Batch, epoch: number, batch: number): number {
    const { accumulate } = this.#settings
    if (batch % accumulate === 0) this.#model.zeroGrad()
    const loss = this.#backward(given, placeOf(epoch, batch))
    this.#epochLoss.sum += loss * given.count
    this.#epochLoss.count += given.count
    if ((batch + 1) % accumulate === 0) this.#update(placeOf(epoch, batch))
    this.#step++
    return loss
  }

  async #finish(step: Step, isLast: boolean): Promise<void> {
    const { epoch, batch } = step
    if (isLast) {
      if ((batch + 1) % this.#settings.accumulate !== 0) this.#update(placeOf(epoch, batch))
      await this.#afterEpoch(epoch, this.#epochLoss.sum / this.#epochLoss.count)
    }
    await this.#report(step, isLast)
    await this.#clock.breathe()
  }

  #backward(batch: Batch, where: string): number {
    const { output } = forwardWith(this.#model, batch.input, batch.lengths)
    const answers = batch.answersTo(output)
    const { target, mask } = answers
    const { value, grad } = this.#options.loss(output, target, mask ? { mask } : {})
    if (!Number.isFinite(value)) {
      const advice = 'Lower the learning rate, clip gradients, or look for bad data'
      fail('non-finite', `fit: the loss is ${value} at ${where}; no update was made. ${advice}`)
    }
    this.#tallies.add(output, answers)
    this.#model.backward({ output: grad }, { inputGradient: false })
    return value
  }

  #update(where: string): void {
    const { accumulate } = this.#settings
    const { clip, optimizer, onNonFinite = 'throw' } = this.#options
    if (accumulate > 1) this.#average(accumulate)
    const norm = clipGradNorm(this.#model, clip && 'norm' in clip ? clip.norm : Infinity)
    if (!Number.isFinite(norm)) {
      if (onNonFinite === 'skip') return
      fail(
        'non-finite',
        `fit: a gradient is not finite at ${where}; no update was made. Clip gradients, or use onNonFinite: 'skip'`,
      )
    }
    if (clip && 'value' in clip) clipGradValue(this.#model, clip.value)
    optimizer.step()
  }

  /** The gradients of several batches count as one of their mean loss. */
  #average(batches: number): void {
    for (const { runtime, elements, grads } of this.#model.blocks())
      runtime.core.scaleBlock(elements, 1 / batches, grads.address)
  }

  async #report({ epoch, batch, loss }: Step, isLast: boolean): Promise<void> {
    const { epochs } = this.#settings
    const step = this.#step
    const stepsPerSecond = this.#clock.rate(step)
    const left = this.#stepsLeft(epoch, batch)
    const steps = left === undefined ? undefined : step + left
    const secondsLeft = left === undefined ? undefined : left / stepsPerSecond
    const position = this.#positionAfter(epoch, batch, isLast)
    const progress = { epoch: epoch + 1, epochs, step, steps, loss, stepsPerSecond, secondsLeft, position }
    await this.#options.onProgress?.(progress)
  }

  #positionAfter(epoch: number, batch: number, isLast: boolean): FitPosition {
    const stopping = this.#stopping && { stopping: this.#stopping.state }
    if (isLast) return { epoch: epoch + 1, batch: 0, ...stopping }
    return { epoch, batch: batch + 1, sums: { loss: { ...this.#epochLoss }, ...this.#tallies.tallies }, ...stopping }
  }

  /** Steps after this one, where it is known how many batches an epoch has. */
  #stepsLeft(epoch: number, batch: number): number | undefined {
    const { batches } = this.#sources.training
    if (batches === undefined) return undefined
    return Math.max(batches - batch - 1, 0) + (this.#settings.epochs - epoch - 1) * batches
  }

  async #afterEpoch(epoch: number, trainingLoss: number): Promise<void> {
    this.#losses.push(trainingLoss)
    const { loss, metrics, schedule } = this.#options
    const { validation } = this.#sources
    const evaluation = validation && (await evaluateSource('fit', this.#model, validation, { loss, metrics, epoch }))
    this.#keepMetrics(evaluation ? evaluation.metrics : this.#tallies.values(this.#model.runtime))
    const measured = evaluation?.loss
    if (measured !== undefined) this.#validation.push(measured)
    schedule?.step(measured ?? trainingLoss)
    if (measured === undefined || !this.#stopping) return
    this.#stopping.judge(epoch, measured, this.#model)
    this.ended ||= this.#stopping.isOver
  }

  #keepMetrics(metrics: Metrics = {}): void {
    for (const [name, value] of Object.entries(metrics) as [MetricName, number][])
      (this.#metrics[name] ??= []).push(value)
  }
}

const placeOf = (epoch: number, batch: number): string => `epoch ${epoch + 1}, batch ${batch + 1}`
