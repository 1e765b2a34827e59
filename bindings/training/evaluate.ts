import { inMode } from '../nn/mode.ts'
import type { Module } from '../nn/module.ts'
import { expectOptions, expectPositive } from '../runtime/check.ts'
import { type Tensor, sizeOf } from '../runtime/tensor.ts'
import { axesOf, hasTime } from './data/axes.ts'
import { Gatherer } from './data/gatherer.ts'
import { Order } from './data/order.ts'
import { expectModel, forwardWith } from './model.ts'
import { type LossFunction, expectLoss } from './losses/loss.ts'
import { type MetricName, type Metrics, Tallies, checkMetrics } from './metrics.ts'
import type { BatchSource } from './data/batch.ts'
import type { FitSource } from './data/fit-data.ts'
import { openSource } from './data/source.ts'

export interface EvaluateOptions {
  /** `mseLoss`, `crossEntropyLoss`, or a function of the same form. */
  loss: LossFunction
  /** Samples per forward; 256 if left out. Batches that the data bring along keep their own. */
  batchSize?: number
  /** What else is measured. */
  metrics?: readonly MetricName[]
}

export interface Evaluation {
  readonly loss: number
  /** By name, where they were asked for. */
  readonly metrics?: Metrics
}

/** Samples per forward where the caller gives no number. */
export const BATCH_SIZE = 256

/**
 * The mean loss over the data in evaluation mode, each batch weighted by its samples, and metrics over all that is not masked. The mode of
 * the model and of each module inside it is as before afterwards; a recorded tape is gone.
 *
 * @param data tensors of all samples, or batches as they come
 * @throws RetrogradError for data that do not fit the model, saying which batch
 */
export async function evaluate(model: Module, data: FitSource, options: EvaluateOptions): Promise<Evaluation> {
  expectOptions('evaluate', options, ['loss', 'batchSize', 'metrics'])
  const { loss, batchSize, metrics } = options
  expectLoss('evaluate', loss)
  if (batchSize !== undefined) expectPositive('evaluate', 'batchSize', batchSize)
  checkMetrics('evaluate', metrics, loss)
  expectModel('evaluate', model)
  const source = openSource('evaluate', 'data', model, data, { batchSize, defaultSize: BATCH_SIZE, epochs: 1 })
  try {
    return await evaluateSource('evaluate', model, source, { loss, metrics, epoch: 0 })
  } finally {
    source.dispose()
  }
}

interface Measuring {
  readonly loss: LossFunction
  readonly metrics: readonly MetricName[] | undefined
  readonly epoch: number
}

/** The same over an epoch of a source that is open. */
export async function evaluateSource(
  who: string,
  model: Module,
  source: BatchSource,
  { loss, metrics, epoch }: Measuring,
): Promise<Evaluation> {
  let [total, count] = [0, 0]
  const tallies = new Tallies(who, metrics)
  await inMode(model, false, async () => {
    for await (const batch of source.epoch(epoch, 0)) {
      const { output } = forwardWith(model, batch.input, { lengths: batch.lengths })
      const answers = batch.answersTo(output)
      const { target, mask } = answers
      total += loss(output, target, mask ? { mask } : {}).value * batch.count
      count += batch.count
      tallies.add(output, answers)
    }
  })
  return { loss: total / count, ...(metrics && { metrics: tallies.values(model.runtime) }) }
}

/**
 * The model's output for every sample, in evaluation mode; afterwards the mode of the model and of each module inside it is as before.
 *
 * @returns a tensor that belongs to the caller, samples along the axis along which they came
 */
export function predict(model: Module, input: Tensor, options: { batchSize?: number } = {}): Tensor {
  expectOptions('predict', options, ['batchSize'])
  const batchSize = expectPositive('predict', 'batchSize', options.batchSize ?? BATCH_SIZE)
  expectModel('predict', model)
  const { samples: count, axis: inputAxis } = axesOf('predict', 'input', model, input)
  const gatherer = new Gatherer(model.runtime)
  const order = new Order(model.runtime, count, undefined)
  try {
    return inMode(model, false, () => {
      let result: Tensor | undefined
      for (let first = 0; first < count; first += batchSize) {
        const size = Math.min(batchSize, count - first)
        const { output } = model.forward(gatherer.gather(input, inputAxis, order.part(first, size)))
        const axis = hasTime(output) ? inputAxis : 0
        result ??= model.runtime.emptyTensor(output.shape.with(axis, count))
        place(output, result, axis, first)
      }
      return result!
    })
  } finally {
    gatherer.dispose()
    order.dispose()
  }
}

/** Copies a batch to its place among all samples. */
function place(batch: Tensor, all: Tensor, axis: number, first: number): void {
  const { core, elementBytes } = all.runtime
  const rowBytes = sizeOf(batch.shape.slice(axis + 1)) * elementBytes
  const [size, total] = [batch.shape[axis]! * rowBytes, all.shape[axis]! * rowBytes]
  core.copyRows(sizeOf(batch.shape.slice(0, axis)), size, batch.address, size, all.address + first * rowBytes, total)
}
