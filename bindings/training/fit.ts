import { inMode } from '../module/mode.ts'
import type { Module } from '../module/module.ts'
import type { FitSource } from './data/fit-data.ts'
import { openSource } from './data/source.ts'
import { EVALUATION_BATCH_SIZE } from './evaluate.ts'
import type { FitOptions, FitResult } from './fit-options.ts'
import { type FitSettings, checkOptions } from './fit-settings.ts'
import { Run, type Sources } from './run.ts'

/** Samples per batch where the caller gives no number. */
const TRAINING_BATCH_SIZE = 32

/**
 * Trains a model: per batch forward, its loss and backward; then clipping and an update. Samples come in a new random order
 * every epoch; batches that the data bring along are used as they come.
 *
 * With `truncation` a batch is one of long series, each gone through from its start in blocks of steps: a step of training per block,
 * in the order of time, the state carried along. Gradients reach as far back as the window; what a step of training takes does not
 * depend on how long the series are. Every batch starts from states of 0, also one that the data bring along.
 *
 * The model is in training mode, all modules inside it as well, and in evaluation mode while validation data are gone through; afterwards
 * the mode of each of them is as before.
 *
 * @throws RetrogradError 'non-finite' for a loss that is not a finite number, before any update; 'shape', 'type' or 'option' for data
 *   that do not fit the model, saying which batch
 */
export async function fit(model: Module, data: FitSource, options: FitOptions): Promise<FitResult> {
  const settings = checkOptions(model, options)
  const sources = openSources(model, data, options, settings)
  const run = new Run(model, sources, options, settings)
  try {
    return await inMode(model, true, () => run.epochs())
  } finally {
    for (const part of [...Object.values(sources), run]) part?.dispose()
  }
}

function openSources(model: Module, data: FitSource, options: FitOptions, settings: FitSettings): Sources {
  const { batchSize, seed, validation } = options
  const epochs = settings.epochs - settings.from.epoch
  const sizes = { batchSize, defaultSize: TRAINING_BATCH_SIZE }
  const order = { seed, defaultSeed: model.runtime.seed }
  const bySteps = settings.truncation !== undefined
  const training = openSource('fit', 'data', model, data, { ...sizes, ...order, epochs, bySteps })
  if (!validation) return { training, validation: undefined }
  const own = { batchSize: undefined, defaultSize: EVALUATION_BATCH_SIZE, epochs }
  try {
    return { training, validation: openSource('fit', 'validation', model, validation, own) }
  } catch (error) {
    training.dispose()
    throw error
  }
}
