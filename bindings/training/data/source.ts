/** Where batches come from: tensors of all samples, or the caller's own batches as they come. */
import type { Module } from '../../nn/module.ts'
import { fail } from '../../runtime/check.ts'
import { expectModule } from './axes.ts'
import { DataSet } from './data-set.ts'
import type { Batch, FitData } from './batch.ts'
import { BatchStream } from './batch-stream.ts'

/** Batches one after the other, used as they come. */
export type FitBatches = Iterable<FitData> | AsyncIterable<FitData>

/**
 * Tensors of all samples, from which batches are gathered; or batches themselves: an (async) iterable of them, or a function that
 * gives one for each epoch, counted from 0. An iterator that can be gone through once (a generator's) does for one epoch.
 * A batch's tensors are not read after the next one was asked for.
 */
export type FitSource = FitData | FitBatches | ((epoch: number) => FitBatches | Promise<FitBatches>)

export interface BatchSource {
  /** Batches in an epoch; undefined while that is not known. */
  readonly batches: number | undefined
  /** An epoch's batches from number `first` on. A batch lives until the next is asked for. */
  epoch(epoch: number, first: number): Iterable<Batch> | AsyncIterable<Batch>
  dispose(): void
}

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
}

/** `who` and `name` are what messages call the caller and its data. */
export function openSource(
  who: string,
  name: string,
  model: Module,
  data: FitSource,
  options: SourceOptions,
): BatchSource {
  expectModule(who, model)
  const { batchSize, defaultSize, seed, defaultSeed, epochs, bySteps = false } = options
  const cutting = { batchSize: batchSize ?? defaultSize, seed: seed ?? defaultSeed, bySteps }
  if (!isStream(data)) return new DataSet(who, name, model, data, cutting)
  if (batchSize !== undefined)
    fail('option', `${who}: batchSize is given; expected none, for the iterable decides how large its batches are`)
  if (seed !== undefined)
    fail('option', `${who}: seed is given; expected none, for the iterable decides the order of samples`)
  return new BatchStream(who, name, model, data, { epochs, bySteps })
}

function isStream(data: FitSource): data is Exclude<FitSource, FitData> {
  if (typeof data === 'function') return true
  return data !== null && typeof data === 'object' && (Symbol.iterator in data || Symbol.asyncIterator in data)
}
