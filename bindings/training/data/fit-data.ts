/** What data are, as the caller gives them: samples and what is wanted of them, and what is checked. */
import { type Lengths, expectLengths } from '../../module/lengths.ts'
import { type State, mapTensors } from '../../module/state.ts'
import type { Module } from '../../module/module.ts'
import { describeValue, expectOptions, expectTensor, fail, isRecord } from '../../runtime/check.ts'
import type { Tensor } from '../../runtime/tensor.ts'
import { type Axes, axesOf, expectAnyTensor, expectEveryStep, expectSamples } from './axes.ts'

/** Samples and what is wanted of them: of a whole data set, or of a batch of one's own. */
export interface FitData {
  /** [T, N, F] ([N, T, F] for a batchFirst model), [N, F] for a model without time, or ids [T, N]. */
  input: Tensor
  /**
   * What the loss compares with. Where the model's output has time: [T, N, F] or ids [T, N], samples along the input's axis; where
   * it has not, [N, F] or ids [N].
   */
  target: Tensor
  /**
   * Steps of each sample that hold data, N whole numbers from 0 to T: what comes after them is not read, and a target per step is
   * masked by them.
   */
  lengths?: Lengths
  /**
   * Weights >= 0 of the loss's terms, 0 leaving one out unread: [T, N] or [T, N, F] where the output has time (samples along the input's
   * axis), else [N] or [N, F]; or [N], one for each sample.
   */
  mask?: Tensor
  /** The same: what `lengths`, `mask` and `weight` say is multiplied. */
  weight?: Tensor
  /** States before the first step, as `forward` takes them for N samples; zeros if left out. */
  state?: State
}

/** Batches one after the other, used as they come. */
export type FitBatches = Iterable<FitData> | AsyncIterable<FitData>

/**
 * Tensors of all samples, from which batches are gathered; or batches themselves: an (async) iterable of them, or a function that
 * gives one for each epoch, counted from 0. An iterator that can be gone through once (a generator's) does for one epoch.
 * A batch's tensors are not read after the next one was asked for.
 */
export type FitSource = FitData | FitBatches | ((epoch: number) => FitBatches | Promise<FitBatches>)

/** The parts of data as they are now, whatever is put in their place later. */
export function partsOf(data: FitData): FitData {
  if (Object(data) !== data) return data
  const { input, target, lengths, mask, weight, state: given, ...rest } = data
  const state = isState(given) ? mapTensors(given, (tensor) => tensor) : given
  const parts = Object.entries({ lengths, mask, weight, state }).filter(([, part]) => part !== undefined)
  return { input, target, ...Object.fromEntries(parts), ...rest }
}

const isState = (state: unknown): state is State => Array.isArray(state) || isRecord(state)

/**
 * Checks what belongs to one input. `name` is what messages call it.
 *
 * @param bySteps it will be gone through a few steps at a time
 * @returns how its axes lie
 */
export function checkData(who: string, name: string, model: Module, data: FitData, bySteps: boolean): Axes {
  if (data === null || typeof data !== 'object')
    fail('type', `${who}: ${name} is ${describeValue(data)}; expected { input, target }`)
  expectOptions(`${who}: ${name}`, data, ['input', 'target', 'lengths', 'mask', 'weight', 'state'])
  const { input, target, lengths } = data
  const axes = axesOf(who, `${name}.input`, model, input)
  expectAnyTensor(who, `${name}.target`, target, model)
  expectSamples(who, `${name}.target`, target, axes, false)
  if (lengths !== undefined) checkLengths(who, `${name}.lengths`, lengths, axes)
  model.checkState(`${who}: ${name}.state`, data.state, axes.samples)
  if (bySteps) expectEveryStep(who, `${name}.target`, target, axes, false)
  checkWeights(who, `${name}.mask`, data.mask, model, axes, bySteps)
  checkWeights(who, `${name}.weight`, data.weight, model, axes, bySteps)
  return axes
}

function checkWeights(
  who: string,
  name: string,
  weights: Tensor | undefined,
  { runtime }: Module,
  axes: Axes,
  bySteps: boolean,
): void {
  if (weights === undefined) return
  expectTensor(who, name, weights, runtime)
  expectSamples(who, name, weights, axes, true)
  if (bySteps && weights.shape.length > 1) expectEveryStep(who, name, weights, axes, true)
}

export function checkLengths(who: string, name: string, lengths: Lengths, { steps, samples }: Axes): void {
  if (steps === undefined) fail('option', `${who}: ${name} is given; the input has no time axis`)
  expectLengths(who, lengths, { steps, batch: samples }, name)
}
