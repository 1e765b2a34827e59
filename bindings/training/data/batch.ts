/** What data are: samples, what is wanted of them, and what is checked. */
import type { Module } from '../../nn/module.ts'
import { describeValue, expectOptions, expectTensor, fail } from '../../runtime/check.ts'
import type { Tensor } from '../../runtime/tensor.ts'
import { type Layout, expectAnyTensor, expectEveryStep, expectSamples, layoutOf } from './axes.ts'
import { type Lengths, expectLengths } from './lengths.ts'
import type { SampleAxis, Span } from './steps.ts'

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
   * Steps of each sample that hold data, N whole numbers from 0 to T: what comes after them is not read. A target per step is
   * masked by them unless there is a `mask`.
   */
  lengths?: Lengths
  /** For the loss, 0 leaves an element out: [T, N] or [T, N, F] where the output has time, else [N] or [N, F]. */
  mask?: Tensor
}

/** What a model is run on at once. What is asked for lives until the same is asked for again. */
export interface Batch {
  readonly input: Tensor
  /** One per sample; kept by the caller until the next batch. */
  readonly lengths: Int32Array | undefined
  /** Samples. */
  readonly count: number
  /** Undefined for an input without time. */
  readonly steps: number | undefined
  readonly axis: SampleAxis
  /** What the loss compares the model's output with; its rank tells where their samples lie. */
  answersTo(output: Tensor): Answers
  /** The same samples in some of their steps; of data that were checked to be gone through by steps. */
  during(span: Span): Batch
}

/** What a loss takes beside the prediction. */
export interface Answers {
  readonly target: Tensor
  readonly mask: Tensor | undefined
}

/**
 * Checks what belongs to one input. `name` is what messages call it.
 *
 * @param bySteps it will be gone through a few steps at a time
 * @returns how its axes lie
 */
export function checkData(who: string, name: string, model: Module, data: FitData, bySteps: boolean): Layout {
  if (data === null || typeof data !== 'object')
    fail('type', `${who}: ${name} is ${describeValue(data)}; expected { input, target }`)
  expectOptions(`${who}: ${name}`, data, ['input', 'target', 'lengths', 'mask'])
  const { input, target, lengths, mask } = data
  const layout = layoutOf(who, `${name}.input`, model, input)
  expectAnyTensor(who, `${name}.target`, target, model)
  expectSamples(who, `${name}.target`, target, layout, false)
  if (lengths !== undefined) expectLengths(who, `${name}.lengths`, lengths, layout)
  if (mask !== undefined) {
    expectTensor(who, `${name}.mask`, mask, model.runtime)
    expectSamples(who, `${name}.mask`, mask, layout, true)
  }
  if (!bySteps) return layout
  expectEveryStep(who, `${name}.target`, target, layout, false)
  if (mask) expectEveryStep(who, `${name}.mask`, mask, layout, true)
  return layout
}
