/** What training asks of a model: that it is one, what it predicts for a batch, and how far that is from what is wanted. */
import { Module } from '../module/module.ts'
import type { ForwardOptions, ForwardResult } from '../module/options.ts'
import { describeValue, fail } from '../runtime/check.ts'
import type { Tensor } from '../runtime/tensor.ts'
import type { Answers, Batch } from './data/batch.ts'
import type { Loss, LossFunction } from './losses/loss.ts'

export function expectModel(who: string, model: Module): void {
  if (!(model instanceof Module)) fail('type', `${who}: model is ${describeValue(model)}; expected a module`)
}

/** A model's output for some samples, and what the loss compares it with. */
export interface Comparison {
  readonly output: Tensor
  readonly answers: Answers
}

/** Runs a model with those options that are given: without lengths it is not told of any. */
export function forwardWith(
  model: Module,
  input: Tensor,
  { lengths, state, tape }: Pick<ForwardOptions, 'lengths' | 'state' | 'tape'>,
): ForwardResult {
  return model.forward(input, {
    ...(lengths && { lengths }),
    ...(state && { state }),
    ...(tape !== undefined && { tape }),
  })
}

/** All steps of a batch, from states of 0. */
export function runBatch(model: Module, batch: Batch): Comparison {
  const { output } = forwardWith(model, batch.input, { lengths: batch.lengths })
  return { output, answers: batch.answersTo(output) }
}

export function lossOf(loss: LossFunction, { output, answers: { target, mask } }: Comparison): Loss {
  return loss(output, target, mask ? { mask } : {})
}
