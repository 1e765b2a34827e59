/** Where batches come from: tensors of all samples, or the caller's own batches as they come. */
import type { Lengths } from '../../module/lengths.ts'
import type { State } from '../../module/state.ts'
import type { Module } from '../../module/module.ts'
import { fail } from '../../runtime/check.ts'
import type { Tensor } from '../../runtime/tensor.ts'
import type { Abort } from './abort.ts'
import { axesOf } from './axes.ts'
import { BatchStream } from './batch-stream.ts'
import type { BatchSource } from './batch.ts'
import { DataSet } from './data-set.ts'
import { type FitData, type FitSource, checkData, checkLengths, partsOf } from './fit-data.ts'

export interface SourceOptions {
  /** As the caller gave it. */
  readonly batchSize: number | undefined
  /** Samples per batch where the caller gave no number. */
  readonly defaultSize: number
  /** As the caller gave it. */
  readonly seed?: number | undefined
  /** Seed of the order of samples where the caller gave none; they keep their order if this is left out as well. */
  readonly defaultSeed?: number
  /** How often it will be gone through. */
  readonly epochs: number
  /** Batches are run on a few steps at a time. */
  readonly bySteps?: boolean
  /** Epochs gone through before these, whose orders are not to come again. */
  readonly epochsBefore?: number
  readonly abort?: Abort
}

/** `who` and `name` are what messages call the caller and its data. */
export function openSource(
  who: string,
  name: string,
  model: Module,
  data: FitSource,
  options: SourceOptions,
): BatchSource {
  const { batchSize, defaultSize, seed, defaultSeed, epochs, bySteps = false, epochsBefore, abort } = options
  if (!isStream(data)) {
    const parts = partsOf(data)
    const axes = checkData(who, name, model, parts, bySteps)
    return new DataSet(model.runtime, parts, axes, {
      name: `${who}: ${name}`,
      batchSize: batchSize ?? defaultSize,
      seed: seed ?? defaultSeed,
      epochsBefore,
    })
  }
  if (batchSize !== undefined)
    fail('option', `${who}: batchSize is given; expected none, for the iterable decides how large its batches are`)
  if (seed !== undefined)
    fail('option', `${who}: seed is given; expected none, for the iterable decides the order of samples`)
  return new BatchStream(who, name, model, data, { epochs, bySteps, abort })
}

export interface SampleInputs {
  readonly input: Tensor
  readonly lengths: Lengths | undefined
  readonly state: State | undefined
}

/** Inputs without targets, in their order. */
export function openInputs(
  who: string,
  name: string,
  model: Module,
  { input, lengths, state }: SampleInputs,
  batchSize: number,
): DataSet {
  const axes = axesOf(who, name, model, input)
  if (lengths !== undefined) checkLengths(who, 'lengths', lengths, axes)
  model.checkState(`${who}: state`, state, axes.samples)
  const data = { input, ...(lengths !== undefined && { lengths }), ...(state !== undefined && { state }) }
  return new DataSet(model.runtime, data, axes, {
    name: `${who}: ${name}`,
    batchSize,
  })
}

function isStream(data: FitSource): data is Exclude<FitSource, FitData> {
  if (typeof data === 'function') return true
  return data !== null && typeof data === 'object' && (Symbol.iterator in data || Symbol.asyncIterator in data)
}
