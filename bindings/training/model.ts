/** What training asks of a model: that it is one, what it predicts for a batch, and how far that is from what is wanted. */
import { type Module, expectModule } from '../module/module.ts'
import type { ForwardOptions, ForwardResult } from '../module/options.ts'
import { describeValue, expectOneOf, expectShape, expectTensor, fail } from '../runtime/check.ts'
import { Tensor, sizeOf } from '../runtime/tensor.ts'
import type { Answers, Batch } from './data/batch.ts'
import type { Loss, LossFunction } from './losses/loss.ts'

export function expectModel(who: string, model: Module): void {
  expectModule(who, model, 'model')
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

/** All steps of a batch. */
export function runBatch(model: Module, batch: Batch): Comparison {
  const { output } = forwardWith(model, batch.input, { lengths: batch.lengths, state: batch.state })
  return { output, answers: batch.answersTo(output) }
}

/** What the loss function says, which may be the user's own. */
export function lossOf(who: string, loss: LossFunction, { output, answers: { target, mask } }: Comparison): Loss {
  const given: Loss = loss(output, target, mask ? { mask } : {})
  if (!(given && typeof given.value === 'number' && given.grad instanceof Tensor))
    fail('type', `${who}: loss gave ${describeValue(given)}; expected { value: a number, grad: a tensor }`)
  const { grad, divisor = 0, reduction = 'mean' } = given
  expectTensor(who, 'the gradient that loss gave', grad, output.runtime)
  expectShape(who, 'the gradient that loss gave', grad.shape, output.shape, "the prediction's shape")
  if (!(Number.isFinite(divisor) && divisor >= 0))
    fail('type', `${who}: the divisor that loss gave is ${describeValue(divisor)}; expected a finite number >= 0`)
  expectOneOf(who, 'the reduction that loss gave', reduction, ['mean', 'sum'])
  for (const [name, tensor] of Object.entries({ output, target, mask }))
    if (tensor?.disposed) fail('disposed', `${who}: the loss disposed of its ${name}`)
  return given
}

/** Σ m as the loss says it; of a loss that does not, that of the mask it was given, over the elements of the prediction. */
export function divisorOf({ divisor }: Loss, { output, answers: { mask } }: Comparison): number {
  if (divisor !== undefined) return divisor
  if (mask === undefined) return output.size
  const { core } = mask.runtime
  return (output.size / sizeOf(mask.shape)) * core.maskTotal(mask.size, mask.address)
}
