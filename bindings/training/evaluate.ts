import type { Module } from '../nn/module.ts'
import { describeValue, expectOptions, expectPositive, fail } from '../runtime/check.ts'
import { type Tensor, sizeOf } from '../runtime/tensor.ts'
import { hasTime, layoutOf } from './axes.ts'
import { Gatherer, Order } from './batches.ts'
import { DataSet, type FitData } from './data.ts'
import { forwardWith } from './lengths.ts'
import type { Loss, LossOptions } from './losses.ts'

export type LossFunction = (prediction: Tensor, target: Tensor, options: LossOptions) => Loss

export interface EvaluateOptions {
  /** `mseLoss`, `crossEntropyLoss`, or a function of the same form. */
  loss: LossFunction
  /** Samples per forward; 256 if left out. */
  batchSize?: number
}

const BATCH_SIZE = 256

/**
 * The mean loss over the data in evaluation mode, each batch weighted by its samples. The model's mode is as before
 * afterwards; a recorded tape is gone.
 */
export function evaluate(model: Module, data: FitData, options: EvaluateOptions): { loss: number } {
  expectOptions('evaluate', options, ['loss', 'batchSize'])
  if (typeof options.loss !== 'function') {
    fail('type', `evaluate: loss is ${describeValue(options.loss)}; expected a loss function`)
  }
  const batchSize = expectPositive('evaluate', 'batchSize', options.batchSize ?? BATCH_SIZE)
  const set = new DataSet('evaluate', model, data, 0)
  try {
    return { loss: inEvaluation(model, () => meanLoss(model, set, options.loss, batchSize)) }
  } finally {
    set.dispose()
  }
}

/** The mean loss over a data set in its present order. */
export function meanLoss(model: Module, set: DataSet, loss: LossFunction, batchSize: number): number {
  let total = 0
  for (let first = 0; first < set.count; first += batchSize) {
    const batch = set.batch(first, Math.min(batchSize, set.count - first))
    const { output } = forwardWith(model, batch.input, batch.lengths)
    const { target, mask } = batch.answersTo(output)
    total += loss(output, target, mask ? { mask } : {}).value * batch.count
  }
  return total / set.count
}

/**
 * The model's output for every sample, in evaluation mode.
 *
 * @returns a tensor that belongs to the caller, samples along the axis along which they came
 */
export function predict(model: Module, input: Tensor, options: { batchSize?: number } = {}): Tensor {
  expectOptions('predict', options, ['batchSize'])
  const batchSize = expectPositive('predict', 'batchSize', options.batchSize ?? BATCH_SIZE)
  const { samples: count, axis: inputAxis } = layoutOf('predict', 'input', model, input)
  const gatherer = new Gatherer(input)
  const order = new Order(model.runtime, count, 0)
  try {
    return inEvaluation(model, () => {
      let result: Tensor | undefined
      for (let first = 0; first < count; first += batchSize) {
        const size = Math.min(batchSize, count - first)
        const { output } = model.forward(gatherer.gather(inputAxis, order.from(first), size))
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

function inEvaluation<R>(model: Module, run: () => R): R {
  const wasTraining = model.training
  model.eval()
  try {
    return run()
  } finally {
    if (wasTraining) model.train()
  }
}
