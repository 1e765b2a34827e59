import { inMode } from '../module/mode.ts'
import type { Module } from '../module/module.ts'
import { expectOptions, expectPositive } from '../runtime/check.ts'
import type { BatchSource } from './data/batch.ts'
import type { FitSource } from './data/fit-data.ts'
import { openSource } from './data/source.ts'
import { type LossFunction, expectLoss } from './losses/loss.ts'
import { type MetricName, type Metrics, checkMetrics } from './metrics.ts'
import { expectModel, lossOf, runBatch } from './model.ts'
import { Totals } from './totals.ts'

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
export const EVALUATION_BATCH_SIZE = 256

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
  const sizes = { batchSize, defaultSize: EVALUATION_BATCH_SIZE }
  const source = openSource('evaluate', 'data', model, data, { ...sizes, epochs: 1 })
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
export function evaluateSource(
  who: string,
  model: Module,
  source: BatchSource,
  { loss, metrics, epoch }: Measuring,
): Promise<Evaluation> {
  const totals = new Totals(who, metrics)
  return inMode(model, false, async () => {
    for await (const batch of source.epoch(epoch, 0)) {
      const comparison = runBatch(model, batch)
      totals.add(lossOf(loss, comparison).value, batch.count, comparison)
    }
    return { loss: totals.loss, ...(metrics && { metrics: totals.metrics(model.runtime) }) }
  })
}
