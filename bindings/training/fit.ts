import { Module } from '../nn/module.ts'
import { describeValue, expectNumber, expectOneOf, expectOptions, expectPositive, fail } from '../runtime/check.ts'
import { clipGradNorm, clipGradValue } from './clip.ts'
import { type Batch, DataSet, type FitData } from './data.ts'
import { type LossFunction, evaluate } from './evaluate.ts'
import { forwardWith } from './lengths.ts'
import { Optimizer } from './optimizer.ts'
import { Schedule } from './schedules.ts'

/** Where a run stands: the next batch to be taken, both counted from 0. */
export interface FitPosition {
  readonly epoch: number
  readonly batch: number
}

export interface FitProgress {
  /** The epoch now, from 1, of `epochs`. */
  readonly epoch: number
  readonly epochs: number
  /** Steps taken, of `steps` in all. */
  readonly step: number
  readonly steps: number
  readonly loss: number
  readonly stepsPerSecond: number
  /** Where a run would go on after this batch: for a checkpoint. */
  readonly position: FitPosition
  /** Seconds left at this rate. */
  readonly secondsLeft: number
}

export interface FitOptions {
  /** `mseLoss`, `crossEntropyLoss`, or a function of the same form. */
  loss: LossFunction
  /** An optimiser over the model's parameters. */
  optimizer: Optimizer
  /** Passes over the data; 1 if left out. */
  epochs?: number
  /** Samples per batch; 32 if left out. The last batch of an epoch may be smaller. */
  batchSize?: number
  /** Batches whose gradients are added up for one update; 1 if left out. */
  accumulate?: number
  /** Greatest norm of all gradients, or greatest size of an element. */
  clip?: { norm: number } | { value: number }
  /** Steps after each epoch, with the validation loss (the training loss, if there is none) as its metric. */
  schedule?: Schedule
  /** Data whose loss is taken after each epoch. */
  validation?: FitData
  /** Stop after so many epochs without a smaller validation loss, and go back to the best epoch's weights. */
  patience?: number
  /** What a gradient that is not finite does: stop with an error (the default), or leave that update out. */
  onNonFinite?: 'throw' | 'skip'
  /** Seed of the order of samples; the runtime's if left out. */
  seed?: number
  /** An AbortSignal: ends training between two steps; everything stays usable. */
  signal?: { readonly aborted: boolean }
  /** Go on from here rather than from the first batch: what a checkpoint says. */
  from?: FitPosition
  /** Called after every batch; a promise is awaited. */
  onProgress?: (progress: FitProgress) => unknown
}

export interface FitResult {
  /** Mean loss per epoch that was completed, each batch weighted by its samples. */
  readonly loss: number[]
  /** Validation loss per epoch. */
  readonly validation?: number[]
  /** Batches seen. */
  readonly steps: number
}

const OPTIONS = [
  'loss',
  'optimizer',
  'epochs',
  'batchSize',
  'accumulate',
  'clip',
  'schedule',
  'validation',
  'patience',
  'onNonFinite',
  'seed',
  'signal',
  'from',
  'onProgress',
]
/** How long `fit` may hold the event loop. */
const YIELD_AFTER_MS = 50

/**
 * Trains a model: per batch forward, its loss and backward; then clipping and an update. Samples come in a new random order
 * every epoch.
 *
 * @throws RetrogradError 'non-finite' for a loss that is not a finite number, before any update
 */
export async function fit(model: Module, data: FitData, options: FitOptions): Promise<FitResult> {
  const settings = checkOptions(model, options)
  const set = new DataSet('fit', model, data, settings.seed)
  const wasTraining = model.training
  const run = new Run(model, set, options, settings)
  model.train()
  try {
    const { from = { epoch: 0, batch: 0 } } = options
    for (let epoch = from.epoch; epoch < settings.epochs && !run.ended; epoch++) {
      await run.epoch(epoch, epoch === from.epoch ? from.batch : 0)
    }
    run.restoreBest()
  } finally {
    set.dispose()
    if (!wasTraining) model.eval()
  }
  return run.result()
}

interface Settings {
  readonly epochs: number
  readonly batchSize: number
  readonly accumulate: number
  readonly patience: number
  readonly seed: number
}

/** One training run: what has been measured so far, and whether it goes on. */
class Run {
  ended = false
  readonly #model: Module
  readonly #set: DataSet
  readonly #options: FitOptions
  readonly #settings: Settings
  readonly #clock = new Clock()
  readonly #losses: number[] = []
  readonly #validation: number[] = []
  #step = 0
  #best: { epoch: number; loss: number; weights: ReturnType<Module['stateDict']> } | undefined

  constructor(model: Module, set: DataSet, options: FitOptions, settings: Settings) {
    this.#model = model
    this.#set = set
    this.#options = options
    this.#settings = settings
  }

  async epoch(epoch: number, firstBatch: number): Promise<void> {
    const { batchSize, accumulate } = this.#settings
    const { count } = this.#set
    const batches = Math.ceil(count / batchSize)
    let [total, seen] = [0, 0]
    this.#set.shuffle(epoch)
    for (let i = firstBatch; i < batches; i++) {
      if (this.#aborted()) return
      const batch = this.#set.batch(i * batchSize, Math.min(batchSize, count - i * batchSize))
      if (i % accumulate === 0) this.#model.zeroGrad()
      const loss = this.#backward(batch, `epoch ${epoch + 1}, batch ${i + 1}`)
      if ((i + 1) % accumulate === 0 || i + 1 === batches) this.#update(`epoch ${epoch + 1}, batch ${i + 1}`)
      total += loss * batch.count
      seen += batch.count
      this.#step++
      if (i + 1 === batches) this.#afterEpoch(epoch, total / seen)
      await this.#report(epoch, i, loss, batches)
      await this.#clock.breathe()
    }
  }

  restoreBest(): void {
    if (this.#best) this.#model.loadStateDict(this.#best.weights)
  }

  result(): FitResult {
    const validation = this.#options.validation ? { validation: this.#validation } : {}
    return { loss: this.#losses, ...validation, steps: this.#step }
  }

  #aborted(): boolean {
    if (this.#options.signal?.aborted) this.ended = true
    return this.ended
  }

  #backward(batch: Batch, where: string): number {
    const { output } = forwardWith(this.#model, batch.input, batch.lengths)
    const { target, mask } = batch.answersTo(output)
    const { value, grad } = this.#options.loss(output, target, mask ? { mask } : {})
    if (!Number.isFinite(value)) {
      const advice = 'Lower the learning rate, clip gradients, or look for bad data'
      fail('non-finite', `fit: the loss is ${value} at ${where}; no update was made. ${advice}`)
    }
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

  async #report(epoch: number, batch: number, loss: number, batches: number): Promise<void> {
    const { epochs } = this.#settings
    const { epoch: firstEpoch, batch: firstBatch } = this.#options.from ?? { epoch: 0, batch: 0 }
    const steps = (epochs - firstEpoch) * batches - firstBatch
    const stepsPerSecond = this.#clock.rate(this.#step)
    const secondsLeft = (steps - this.#step) / stepsPerSecond
    const position = batch + 1 === batches ? { epoch: epoch + 1, batch: 0 } : { epoch, batch: batch + 1 }
    const progress = { epoch: epoch + 1, epochs, step: this.#step, steps, loss, stepsPerSecond, secondsLeft, position }
    await this.#options.onProgress?.(progress)
  }

  #afterEpoch(epoch: number, trainingLoss: number): void {
    this.#losses.push(trainingLoss)
    const { validation, loss, schedule } = this.#options
    const measured = validation && evaluate(this.#model, validation, { loss }).loss
    if (measured !== undefined) this.#validation.push(measured)
    schedule?.step(measured ?? trainingLoss)
    if (measured === undefined || this.#settings.patience === Infinity) return
    if (this.#best === undefined || measured < this.#best.loss) {
      this.#best = { epoch, loss: measured, weights: this.#model.stateDict() }
    }
    if (epoch - this.#best.epoch >= this.#settings.patience) this.ended = true
  }
}

function checkOptions(model: Module, options: FitOptions): Settings {
  if (!(model instanceof Module)) fail('type', `fit: model is ${describeValue(model)}; expected a module`)
  expectOptions('fit', options, OPTIONS)
  const { loss, optimizer, schedule, clip, validation, patience, onNonFinite } = options
  if (typeof loss !== 'function') fail('type', `fit: loss is ${describeValue(loss)}; expected a loss function`)
  if (!(optimizer instanceof Optimizer))
    fail('type', `fit: optimizer is ${describeValue(optimizer)}; expected an optimiser`)
  if (schedule !== undefined && !(schedule instanceof Schedule)) {
    fail('type', `fit: schedule is ${describeValue(schedule)}; expected a schedule`)
  }
  if (patience !== undefined && !validation)
    fail('option', 'fit: patience is given without validation data to judge by')
  if (onNonFinite !== undefined) expectOneOf('fit', 'onNonFinite', onNonFinite, ['throw', 'skip'])
  if (clip) checkClip(clip)
  return {
    epochs: expectPositive('fit', 'epochs', options.epochs ?? 1),
    batchSize: expectPositive('fit', 'batchSize', options.batchSize ?? 32),
    accumulate: expectPositive('fit', 'accumulate', options.accumulate ?? 1),
    patience: patience === undefined ? Infinity : expectPositive('fit', 'patience', patience),
    seed: expectNumber('fit', 'seed', options.seed ?? model.runtime.seed, 0),
  }
}

function checkClip(clip: object): void {
  expectOptions('fit: clip', clip, ['norm', 'value'])
  if (Object.keys(clip).length !== 1) {
    fail('option', 'fit: clip has both norm and value, or neither; expected one of them')
  }
}

/** Measures the rate of steps, and lets the event loop run now and then. */
class Clock {
  readonly #start = performance.now()
  #last = performance.now()

  rate(steps: number): number {
    return (1000 * steps) / Math.max(performance.now() - this.#start, 1e-3)
  }

  async breathe(): Promise<void> {
    if (performance.now() - this.#last < YIELD_AFTER_MS) return
    await new Promise((resolve) => setTimeout(resolve, 0))
    this.#last = performance.now()
  }
}
