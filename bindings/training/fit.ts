import { Module } from '../nn/module.ts'
import {
  describeValue,
  expectNumber,
  expectOptions,
  expectPositive,
  expectTensor,
  fail,
  shapeText,
} from '../runtime/check.ts'
import type { Tensor } from '../runtime/tensor.ts'
import { Gatherer, Order, type Samples, sampleAxis } from './batches.ts'
import { clipGradNorm, clipGradValue } from './clip.ts'
import type { Loss, LossOptions } from './losses.ts'
import { Optimizer } from './optimizer.ts'

export interface FitData {
  /** [T, N, F] ([N, T, F] for a batchFirst model), or [N, F] for a model without time. */
  input: Tensor
  /** What the loss compares with: samples along the same axis, or along the first where it has no time. */
  target: Tensor
  /** For the loss: 0 leaves an element out. */
  mask?: Tensor
}

export interface FitProgress {
  readonly epoch: number
  readonly epochs: number
  /** Steps taken, of `steps` in all. */
  readonly step: number
  readonly steps: number
  readonly loss: number
  readonly stepsPerSecond: number
}

export interface FitOptions {
  /** `mseLoss`, `crossEntropyLoss`, or a function of the same form. */
  loss: (prediction: Tensor, target: Tensor, options: LossOptions) => Loss
  /** An optimiser over the model's parameters. */
  optimizer: Optimizer
  /** Passes over the data; 1 if left out. */
  epochs?: number
  /** Samples per step; 32 if left out. The last batch of an epoch may be smaller. */
  batchSize?: number
  /** Greatest norm of all gradients, or greatest size of an element. */
  clip?: { norm: number } | { value: number }
  /** Seed of the order of samples; the runtime's if left out. */
  seed?: number
  /** Called after every step. */
  onProgress?: (progress: FitProgress) => void
}

export interface FitResult {
  /** Mean loss per epoch, each batch weighted by its samples. */
  readonly loss: number[]
  readonly steps: number
}

const OPTIONS = ['loss', 'optimizer', 'epochs', 'batchSize', 'clip', 'seed', 'onProgress']
/** How long `fit` may hold the event loop. */
const YIELD_AFTER_MS = 50

/**
 * Trains a model: per step one batch forward, its loss, backward, clipping, an update. Samples come in a new random
 * order every epoch.
 *
 * @throws RetrogradError 'non-finite' for a loss that is not a finite number, before any update
 */
export async function fit(model: Module, data: FitData, options: FitOptions): Promise<FitResult> {
  const plan = checkFit(model, data, options)
  const { input, target, mask, samples, epochs, batchSize } = plan
  const gatherers = [input, target, mask].map((part) => part && new Gatherer(part))
  const order = new Order(model.runtime, samples, plan.seed)
  const wasTraining = model.training
  const steps = epochs * Math.ceil(samples / batchSize)
  const clock = new Clock()
  const losses: number[] = []
  let step = 0
  model.train()
  try {
    for (let epoch = 0; epoch < epochs; epoch++) {
      order.shuffle(epoch)
      let total = 0
      for (let first = 0; first < samples; first += batchSize) {
        const count = Math.min(batchSize, samples - first)
        const [x, y, kept] = gatherers.map((gatherer) => gatherer?.gather(order.from(first), count))
        const loss = trainStep(model, x!, y!, kept, options, `epoch ${epoch + 1}, batch ${first / batchSize + 1}`)
        total += loss * count
        step++
        options.onProgress?.({ epoch: epoch + 1, epochs, step, steps, loss, stepsPerSecond: clock.rate(step) })
        await clock.breathe()
      }
      losses.push(total / samples)
    }
  } finally {
    for (const gatherer of gatherers) gatherer?.dispose()
    order.dispose()
    if (!wasTraining) model.eval()
  }
  return { loss: losses, steps: step }
}

function trainStep(
  model: Module,
  x: Tensor,
  y: Tensor,
  mask: Tensor | undefined,
  options: FitOptions,
  where: string,
): number {
  const { output } = model.forward(x)
  const { value, grad } = options.loss(output, y, mask ? { mask } : {})
  if (!Number.isFinite(value))
    fail(
      'non-finite',
      `fit: the loss is ${value} at ${where}; no update was made. Lower the learning rate, clip gradients, or look for bad data`,
    )
  model.zeroGrad()
  model.backward({ output: grad }, { inputGradient: false })
  if (options.clip) clip(model, options.clip)
  options.optimizer.step()
  return value
}

function clip(model: Module, bound: { norm: number } | { value: number }): void {
  if ('norm' in bound) clipGradNorm(model, bound.norm)
  else clipGradValue(model, bound.value)
}

interface CheckedFit {
  readonly input: Samples
  readonly target: Samples
  readonly mask: Samples | undefined
  readonly samples: number
  readonly epochs: number
  readonly batchSize: number
  readonly seed: number
}

function checkFit(model: Module, data: FitData, options: FitOptions): CheckedFit {
  if (!(model instanceof Module)) fail('type', `fit: model is ${describeValue(model)}; expected a module`)
  expectOptions('fit', options, OPTIONS)
  expectOptions('fit: data', data, ['input', 'target', 'mask'])
  if (typeof options.loss !== 'function')
    fail('type', `fit: loss is ${describeValue(options.loss)}; expected a loss function`)
  if (!(options.optimizer instanceof Optimizer))
    fail('type', `fit: optimizer is ${describeValue(options.optimizer)}; expected an optimiser`)
  const { runtime } = model
  if (!(data.input && typeof data.input === 'object'))
    fail('type', `fit: data.input is ${describeValue(data.input)}; expected a tensor`)
  expectTensor('fit', 'data.input', data.input, runtime, data.input.kind)
  if (!(data.target && typeof data.target === 'object'))
    fail('type', `fit: data.target is ${describeValue(data.target)}; expected a tensor`)
  expectTensor('fit', 'data.target', data.target, runtime, data.target.kind)
  if (data.mask) expectTensor('fit', 'data.mask', data.mask, runtime)
  const { shape } = data.input
  // ids have no columns
  const axes = data.input.kind === 'int32' ? 2 : 3
  const axis = model.batchFirst || shape.length < axes ? 0 : 1
  const samples = shape[axis]!
  if (!(samples > 0)) fail('shape', `fit: data.input is ${shapeText(shape)}; expected at least one sample`)
  const steps = axis === 1 ? shape[0]! : Number.NaN
  const along = (name: string, tensor: Tensor): Samples => ({
    tensor,
    axis: sampleAxis('fit', name, tensor.shape, samples, model.batchFirst, steps),
  })
  if (options.clip) checkClip(options.clip)
  return {
    input: { tensor: data.input, axis },
    target: along('data.target', data.target),
    mask: data.mask && along('data.mask', data.mask),
    samples,
    epochs: expectPositive('fit', 'epochs', options.epochs ?? 1),
    batchSize: Math.min(samples, expectPositive('fit', 'batchSize', options.batchSize ?? 32)),
    seed: expectNumber('fit', 'seed', options.seed ?? runtime.seed, 0),
  }
}

function checkClip(clip: object): void {
  expectOptions('fit: clip', clip, ['norm', 'value'])
  if (Object.keys(clip).length !== 1)
    fail('option', 'fit: clip has both norm and value, or neither; expected one of them')
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
