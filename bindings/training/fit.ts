import { inMode } from '../nn/mode.ts'
import type { Module } from '../nn/module.ts'
import { fail } from '../runtime/check.ts'
import { Blocks } from './blocks.ts'
import { clipGradNorm, clipGradValue } from './optimizers/clip.ts'
import { Clock } from './clock.ts'
import { EarlyStopping } from './early-stopping.ts'
import { BATCH_SIZE, evaluateSource } from './evaluate.ts'
import { type FitOptions, type FitPosition, type FitResult, type Settings, checkOptions } from './fit-options.ts'
import { type MetricName, type Metrics, Tallies } from './metrics.ts'
import { type Part, type Passage, WholeBatches } from './parts.ts'
import type { BatchSource } from './data/batch.ts'
import type { FitSource } from './data/fit-data.ts'
import { openSource } from './data/source.ts'

/** Samples per batch where the caller gives no number. */
const TRAINING_BATCH_SIZE = 32

/**
 * Trains a model: per batch forward, its loss and backward; then clipping and an update. Samples come in a new random order
 * every epoch; batches that the data bring along are used as they come.
 *
 * With `truncation` a batch is one of long series, each gone through from its start in blocks of steps: a step of training per block,
 * in the order of time, the state carried along. Gradients reach as far back as the window; what a step of training takes does not
 * depend on how long the series are. Every batch starts from states of 0, also one that the data bring along.
 *
 * The model is in training mode, all modules inside it as well, and in evaluation mode while validation data are gone through; afterwards
 * the mode of each of them is as before.
 *
 * @throws RetrogradError 'non-finite' for a loss that is not a finite number, before any update; 'shape', 'type' or 'option' for data
 *   that do not fit the model, saying which batch
 */
export async function fit(model: Module, data: FitSource, options: FitOptions): Promise<FitResult> {
  const settings = checkOptions(model, options)
  const { from } = settings
  const sources = openSources(model, data, options, settings)
  const run = new Run(model, sources, options, settings)
  try {
    await inMode(model, true, async () => {
      for (let epoch = from.epoch; epoch < settings.epochs && !run.ended; epoch++)
        await run.epoch(epoch, epoch === from.epoch ? from.batch : 0)
      run.restoreBest()
    })
  } finally {
    for (const part of [...Object.values(sources), run]) part?.dispose()
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
  const bySteps = settings.truncation !== undefined
  const training = openSource('fit', 'data', model, data, { ...sizes, ...order, epochs, bySteps })
  if (!validation) return { training, validation: undefined }
  const own = { batchSize: undefined, defaultSize: BATCH_SIZE, epochs }
  try {
    return { training, validation: openSource('fit', 'validation', model, validation, own) }
  } catch (error) {
    training.dispose()
    throw error
  }
}

/** Where a part of a batch stands. */
interface Place {
  readonly epoch: number
  /** Counted from 0 in its epoch. */
  readonly batch: number
  readonly part: Part
  /** Parts before it in its epoch. */
  readonly index: number
}

/** One step of training, done but for what follows it. */
interface Step extends Place {
  readonly loss: number
}

/** One training run: what has been measured so far, and whether it goes on. */
class Run {
  ended = false
  readonly #model: Module
  readonly #sources: Sources
  readonly #options: FitOptions
  readonly #settings: Settings
  readonly #passage: Passage
  readonly #clock = new Clock()
  readonly #losses: number[] = []
  readonly #validation: number[] = []
  readonly #metrics: Partial<Record<MetricName, number[]>> = {}
  /** Of the training data, where there are no others. */
  #tallies = new Tallies('fit')
  /** Sum of the epoch's losses so far, each times its weight, and the weights. */
  #epochLoss = { sum: 0, count: 0 }
  #step = 0
  readonly #stopping: EarlyStopping | undefined

  constructor(model: Module, sources: Sources, options: FitOptions, settings: Settings) {
    this.#model = model
    this.#sources = sources
    this.#options = options
    this.#settings = settings
    const { patience, from, truncation } = settings
    if (patience < Infinity) this.#stopping = new EarlyStopping(patience, from.stopping)
    // the position is that of a run that had come to its end
    this.ended = this.#stopping?.isOver ?? false
    this.#passage = truncation ? new Blocks(model, truncation) : new WholeBatches(model)
  }

  dispose(): void {
    this.#passage.dispose()
  }

  /** A step is finished when it is known whether another one follows: the next batch is asked for after the update. */
  async epoch(epoch: number, firstBatch: number): Promise<void> {
    const { from } = this.#settings
    const { loss = { sum: 0, count: 0 }, ...metrics } = (epoch === from.epoch && from.sums) || {}
    this.#epochLoss = { ...loss }
    this.#tallies = new Tallies('fit', this.#sources.validation ? [] : this.#options.metrics, metrics)
    let batch = firstBatch
    let index = this.#settings.truncation ? 0 : firstBatch
    let step: Step | undefined
    for await (const given of this.#sources.training.epoch(epoch, firstBatch)) {
      for (const part of this.#passage.parts(given)) {
        if (step) await this.#finish(step, false)
        if (this.#aborted()) return
        step = this.#train({ epoch, batch, part, index })
        index++
      }
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

  /** One part's gradients, and the update where enough of them are added up. */
  #train(place: Place): Step {
    const { accumulate } = this.#settings
    const { part, index } = place
    if (index % accumulate === 0) this.#model.zeroGrad()
    const loss = this.#backward(place)
    this.#epochLoss.sum += loss * part.weight
    this.#epochLoss.count += part.weight
    if ((index + 1) % accumulate === 0) this.#update(place)
    this.#step++
    return { ...place, loss }
  }

  async #finish(step: Step, isLast: boolean): Promise<void> {
    if (isLast) {
      if ((step.index + 1) % this.#settings.accumulate !== 0) this.#update(step)
      await this.#afterEpoch(step.epoch, this.#epochLoss.sum / this.#epochLoss.count)
    }
    await this.#report(step, isLast)
    await this.#clock.breathe()
  }

  #backward(place: Place): number {
    const { part } = place
    const { output, answers } = part.forward()
    const { target, mask } = answers
    const { value, grad } = this.#options.loss(output, target, mask ? { mask } : {})
    if (!Number.isFinite(value)) {
      const advice = 'Lower the learning rate, clip gradients, or look for bad data'
      fail('non-finite', `fit: the loss is ${value} at ${nameOf(place)}; no update was made. ${advice}`)
    }
    this.#tallies.add(output, answers)
    part.backward(grad)
    return value
  }

  #update(place: Place): void {
    const { accumulate } = this.#settings
    const { clip, optimizer, onNonFinite = 'throw' } = this.#options
    if (accumulate > 1) this.#average(accumulate)
    const norm = clipGradNorm(this.#model, clip && 'norm' in clip ? clip.norm : Infinity)
    if (!Number.isFinite(norm)) {
      if (onNonFinite === 'skip') return
      fail(
        'non-finite',
        `fit: a gradient is not finite at ${nameOf(place)}; no update was made. Clip gradients, or use onNonFinite: 'skip'`,
      )
    }
    if (clip && 'value' in clip) clipGradValue(this.#model, clip.value)
    optimizer.step()
  }

  /** The gradients of several parts count as one of their mean loss. */
  #average(parts: number): void {
    for (const { runtime, elements, grads } of this.#model.blocks())
      runtime.core.scaleBlock(elements, 1 / parts, grads.address)
  }

  async #report(at: Step, isLast: boolean): Promise<void> {
    const { epoch, loss } = at
    const { epochs } = this.#settings
    const step = this.#step
    const stepsPerSecond = this.#clock.rate(step)
    const left = this.#stepsLeft(at)
    const steps = left === undefined ? undefined : step + left
    const secondsLeft = left === undefined ? undefined : left / stepsPerSecond
    const position = this.#positionAfter(at, isLast)
    const progress = { epoch: epoch + 1, epochs, step, steps, loss, stepsPerSecond, secondsLeft, position }
    await this.#options.onProgress?.(progress)
  }

  /** Where a run goes on after a step, the last of its epoch or not. */
  #positionAfter({ epoch, batch, part }: Step, isLast: boolean): FitPosition {
    const stopping = this.#stopping && { stopping: this.#stopping.state }
    if (isLast) return { epoch: epoch + 1, batch: 0, ...stopping }
    const next = part.index + 1
    const place = next === part.count ? { epoch, batch: batch + 1 } : { epoch, batch, block: next }
    return { ...place, sums: { loss: { ...this.#epochLoss }, ...this.#tallies.tallies }, ...stopping }
  }

  /** Steps after this one, where it is known how many batches an epoch has; as many in each batch as in this. */
  #stepsLeft({ epoch, batch, part }: Step): number | undefined {
    const { batches } = this.#sources.training
    if (batches === undefined) return undefined
    const batchesLeft = Math.max(batches - batch - 1, 0) + (this.#settings.epochs - epoch - 1) * batches
    return part.count - part.index - 1 + batchesLeft * part.count
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

const nameOf = ({ epoch, batch, part }: Place): string => `epoch ${epoch + 1}, batch ${batch + 1}${part.place}`
