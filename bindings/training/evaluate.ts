import { inMode } from '../module/mode.ts'
import type { Module } from '../module/module.ts'
import type { Truncation } from '../module/truncation.ts'
import { expectOptions, expectPositive } from '../runtime/check.ts'
import { Blocks, checkTruncation } from './blocks.ts'
import type { BatchSource } from './data/batch.ts'
import type { FitSource } from './data/fit-data.ts'
import { openSource } from './data/source.ts'
import { evaluationOf } from './holding.ts'
import { type LossFunction, expectLoss } from './losses/loss.ts'
import { type MetricName, type Metrics, checkMetrics } from './metrics.ts'
import { divisorOf, expectModel, lossOf } from './model.ts'
import { type Passage, type Portion, WholeBatches } from './portions.ts'
import { Totals } from './totals.ts'

export interface EvaluateOptions {
  /** `mseLoss`, `crossEntropyLoss`, or a function of the same form. */
  loss: LossFunction
  /** Samples per forward; 256 if left out. Batches that the data bring along keep their own. */
  batchSize?: number
  /** What else is measured. */
  metrics?: readonly MetricName[]
  /** Goes through long series a block of steps at a time, the state carried along, in memory for a block. */
  truncation?: Truncation
}

export interface Evaluation {
  /** Σ m ℓ / Σ m over all data, whatever the batches; 0 where nothing counts. Of losses that are sums, their sum. */
  readonly loss: number
  /** By name, where they were asked for. */
  readonly metrics?: Metrics
}

/** Samples per forward where the caller gives no number. */
export const EVALUATION_BATCH_SIZE = 256

/**
 * The loss and metrics over the data in evaluation mode: means over all that is not masked. The mode of the model and of each module inside
 * it is as before after every batch; a recorded tape is gone.
 *
 * @param data tensors of all samples, or batches as they come
 * @throws RetrogradError for data that do not fit the model, saying which batch; 'busy' where `fit` trains the model meanwhile
 */
export async function evaluate(model: Module, data: FitSource, options: EvaluateOptions): Promise<Evaluation> {
  expectOptions('evaluate', options, ['loss', 'batchSize', 'metrics', 'truncation'])
  const { loss, batchSize, metrics, truncation } = options
  expectLoss('evaluate', loss)
  if (batchSize !== undefined) expectPositive('evaluate', 'batchSize', batchSize)
  checkMetrics('evaluate', metrics, loss)
  expectModel('evaluate', model)
  const blocks = truncation === undefined ? undefined : checkTruncation('evaluate', model, truncation)
  const expectFree = evaluationOf('evaluate', model)
  const sizes = { batchSize, defaultSize: EVALUATION_BATCH_SIZE }
  const source = openSource('evaluate', 'data', model, data, { ...sizes, epochs: 1, bySteps: blocks !== undefined })
  const passage = evaluationPassage('evaluate', model, blocks)
  try {
    return await evaluateSource('evaluate', model, source, { loss, metrics, epoch: 0, passage, expectFree })
  } finally {
    source.dispose()
    passage.dispose()
  }
}

/** Batches as a whole, or in blocks that no gradient goes back from. */
export function evaluationPassage(who: string, model: Module, truncation: Required<Truncation> | undefined): Passage {
  if (!truncation) return new WholeBatches(model)
  return new Blocks(who, model, { window: truncation.stride, stride: truncation.stride })
}

interface Measuring {
  readonly loss: LossFunction
  readonly metrics: readonly MetricName[] | undefined
  readonly epoch: number
  readonly passage: Passage
  /** Called before each batch. */
  readonly expectFree?: () => void
}

/** The same over an epoch of a source that is open. */
export async function evaluateSource(
  who: string,
  model: Module,
  source: BatchSource,
  { loss, metrics, epoch, passage, expectFree }: Measuring,
): Promise<Evaluation> {
  const { runtime } = model
  const totals = new Totals(who, metrics)
  const measure = (portion: Portion): void => {
    const comparison = portion.forward()
    const result = lossOf(who, loss, comparison)
    totals.add(result, divisorOf(result, comparison), comparison)
  }
  for await (const batch of source.epoch(epoch, 0)) {
    expectFree?.()
    for (const portion of passage.portions(batch)) inMode(model, false, () => runtime.scope(() => measure(portion)))
  }
  return { loss: totals.loss, ...(metrics && { metrics: totals.metrics(runtime) }) }
}
