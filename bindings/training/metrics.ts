/** Measures over a whole data set beside its loss: which there are, and the sums and counts of some samples, from the core. */
import { describeValue, expectOneOf, fail, shapeText } from '../runtime/check.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { type Tensor, sizeOf } from '../runtime/tensor.ts'
import { bceWithLogitsLoss } from './losses/bce-with-logits.ts'
import { crossEntropyLoss } from './losses/cross-entropy.ts'
import { huberLoss } from './losses/huber.ts'
import type { LossFunction } from './losses/loss.ts'
import { mseLoss } from './losses/mse.ts'
import type { Comparison } from './model.ts'

/**
 * accuracy: the share of right answers, for ids that of positions whose greatest logit is the id's, for other targets that of elements
 * whose logit is > 0 exactly where the target is > 0.5. mae, rmse: of the elements' errors. perplexity: exp of the mean
 * cross entropy, without class weights or smoothing. All are means by the mask's weights, NaN where these are 0.
 */
export type MetricName = 'accuracy' | 'mae' | 'rmse' | 'perplexity'

export type Metrics = Partial<Record<MetricName, number>>

/** A sum over so many parts. */
export interface Tally {
  sum: number
  count: number
}

const NAMES: readonly MetricName[] = ['accuracy', 'mae', 'rmse', 'perplexity']
/** Losses whose prediction is no logit. */
const WITHOUT_LOGITS: readonly LossFunction[] = [mseLoss, huberLoss]

/** Refuses names that are unknown or twice there, or that do not go with the loss. */
export function checkMetrics(who: string, metrics: readonly MetricName[] | undefined, loss: LossFunction): void {
  if (metrics === undefined) return
  if (!Array.isArray(metrics)) fail('type', `${who}: metrics is ${describeValue(metrics)}; expected a list of names`)
  for (const name of metrics) expectOneOf(who, 'metrics', name, NAMES)
  if (new Set(metrics).size < metrics.length) fail('option', `${who}: metrics holds a name twice; expected each once`)
  if (metrics.includes('perplexity') && (WITHOUT_LOGITS.includes(loss) || loss === bceWithLogitsLoss))
    fail('option', `${who}: metrics holds 'perplexity'; expected crossEntropyLoss or another loss of logits and ids`)
  if (metrics.includes('accuracy') && WITHOUT_LOGITS.includes(loss))
    fail(
      'option',
      `${who}: metrics holds 'accuracy'; expected crossEntropyLoss, bceWithLogitsLoss or another loss of logits`,
    )
  const errors = metrics.find((name) => name === 'mae' || name === 'rmse')
  if (errors && (loss === crossEntropyLoss || loss === bceWithLogitsLoss))
    fail('option', `${who}: metrics holds '${errors}'; expected mseLoss, huberLoss or another loss of errors`)
}

/** What a metric needs of some samples. */
export function tallyOf(who: string, name: MetricName, { output, answers }: Comparison): Tally {
  const { target, mask } = answers
  const ofIds = name === 'perplexity' || (name === 'accuracy' && target.kind === 'int32')
  return (ofIds ? overRows : overElements)(who, name, output, target, mask)
}

/** @internal The metric of all samples whose tallies were added up. */
export function metricOf({ core }: Runtime, name: MetricName, { sum, count }: Tally): number {
  const mean = sum / count
  if (name === 'rmse') return core.squareRoot(mean)
  return name === 'perplexity' ? core.exponential(mean) : mean
}

/** Logits [..., C] beside ids [...]. */
function overRows(who: string, name: MetricName, logits: Tensor, ids: Tensor, mask: Tensor | undefined): Tally {
  const leading = logits.shape.slice(0, -1)
  if (ids.kind !== 'int32') fail('type', `${who}: the target holds numbers; metrics '${name}' expected ids`)
  expectAlike(who, name, 'the ids', ids.shape, leading)
  if (mask) expectAlike(who, name, 'the mask', mask.shape, leading)
  const { core } = logits.runtime
  const [rows, classes, kept] = [sizeOf(leading), logits.shape.at(-1)!, mask?.address ?? 0]
  const sum = name === 'accuracy' ? core.correctIds : core.surprisals
  return { sum: sum(rows, classes, logits.address, ids.address, kept), count: core.maskTotal(rows, kept) }
}

/** A prediction and a target of its shape; the mask has their first axes. */
function overElements(who: string, name: MetricName, x: Tensor, target: Tensor, mask: Tensor | undefined): Tally {
  if (target.kind === 'int32') fail('type', `${who}: the target holds ids; metrics '${name}' expected numbers`)
  expectAlike(who, name, 'the target', target.shape, x.shape)
  if (mask) expectAlike(who, name, 'the mask', mask.shape, x.shape.slice(0, mask.shape.length))
  const { core } = x.runtime
  const [groups, kept] = [mask?.size ?? 1, mask?.address ?? 0]
  const size = x.size / groups
  const sum = { accuracy: core.correctSigns, mae: core.absoluteErrors, rmse: core.squaredErrors }[name as 'mae']
  return { sum: sum(groups, size, x.address, target.address, kept), count: size * core.maskTotal(groups, kept) }
}

function expectAlike(
  who: string,
  name: MetricName,
  what: string,
  shape: Tensor['shape'],
  expected: Tensor['shape'],
): void {
  if (shapeText(shape) === shapeText(expected)) return
  fail('shape', `${who}: ${what} is ${shapeText(shape)}; metrics '${name}' expected ${shapeText(expected)}`)
}
