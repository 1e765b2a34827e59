import type { Lengths } from '../module/lengths.ts'
import { inMode } from '../module/mode.ts'
import type { State } from '../module/state.ts'
import type { Module } from '../module/module.ts'
import { expectOptions, expectPositive } from '../runtime/check.ts'
import { type Tensor, sizeOf } from '../runtime/tensor.ts'
import { hasTime } from './data/axes.ts'
import type { DataSet } from './data/data-set.ts'
import { openInputs } from './data/source.ts'
import { EVALUATION_BATCH_SIZE } from './evaluate.ts'
import { expectModel, forwardWith } from './model.ts'

export interface PredictOptions {
  /** Samples per forward; 256 if left out. */
  batchSize?: number
  /** Steps of each sample that hold data, N whole numbers from 0 to T, as a list or from `rt.indices`; all if left out. */
  lengths?: Lengths
  /** States before the first step, as `forward` takes them for N samples; zeros if left out. */
  state?: State
}

/**
 * The model's output for every sample, in evaluation mode; afterwards the mode of the model and of each module inside it is as before.
 *
 * @param input [T, N, F] ([N, T, F] for a batchFirst model), [N, F] for a model without time, or ids [T, N]
 * @returns a tensor that belongs to the caller, samples along the axis along which they came
 */
export function predict(model: Module, input: Tensor, options: PredictOptions = {}): Tensor {
  expectOptions('predict', options, ['batchSize', 'lengths', 'state'])
  const batchSize = expectPositive('predict', 'batchSize', options.batchSize ?? EVALUATION_BATCH_SIZE)
  expectModel('predict', model)
  const source = openInputs(
    'predict',
    'input',
    model,
    { input, lengths: options.lengths, state: options.state },
    batchSize,
  )
  try {
    return inMode(model, false, () => outputsOf(model, source))
  } finally {
    source.dispose()
  }
}

function outputsOf(model: Module, source: DataSet): Tensor {
  let all: Tensor | undefined
  let done = 0
  for (const { input, lengths, state, axis, count } of source.epoch(0, 0)) {
    const { output } = forwardWith(model, input, { lengths, state })
    const outputAxis = hasTime(output) ? axis : 0
    all ??= model.runtime.ownTensor(output.shape.with(outputAxis, source.samples))
    copySamples(output, all, outputAxis, done)
    done += count
  }
  return all!
}

/** Copies a batch to its place among all samples. */
function copySamples(batch: Tensor, all: Tensor, axis: number, first: number): void {
  const { core, elementBytes } = all.runtime
  const rowBytes = sizeOf(batch.shape.slice(axis + 1)) * elementBytes
  const [size, total] = [batch.shape[axis]! * rowBytes, all.shape[axis]! * rowBytes]
  core.copyRows(sizeOf(batch.shape.slice(0, axis)), size, batch.address, size, all.address + first * rowBytes, total)
}
