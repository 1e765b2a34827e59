/** What training goes through: batches, and where they come from. */
import type { State } from '../../module/state.ts'
import type { Tensor } from '../../runtime/tensor.ts'
import type { SampleAxis } from './axes.ts'
import type { Span } from './steps.ts'

/** What a model is run on at once. What is asked for lives until the same is asked for again. */
export interface Batch {
  readonly input: Tensor
  /** One per sample; kept by the caller until the next batch. */
  readonly lengths: Int32Array | undefined
  /** Before the first step; zeros if undefined. */
  readonly state: State | undefined
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

export interface BatchSource {
  /** Batches in an epoch; undefined while that is not known. */
  readonly batches: number | undefined
  /** An epoch's batches from number `first` on. A batch lives until the next is asked for. */
  epoch(epoch: number, first: number): Iterable<Batch> | AsyncIterable<Batch>
  dispose(): void
}
