import { inMode } from '../module/mode.ts'
import type { Module } from '../module/module.ts'
import { Abort } from './data/abort.ts'
import type { FitSource } from './data/fit-data.ts'
import { openSource } from './data/source.ts'
import { EVALUATION_BATCH_SIZE } from './evaluate.ts'
import type { FitOptions, FitResult } from './fit-options.ts'
import { type FitSettings, checkOptions } from './fit-settings.ts'
import { Holding } from './holding.ts'
import { Run, type Sources } from './run.ts'

/** Samples per batch where the caller gives no number. */
const TRAINING_BATCH_SIZE = 32

/**
 * Trains a model: per batch forward, its loss and backward; then clipping and an update. Samples come in a new random order
 * every epoch, also over several calls; batches that the data bring along are used as they come.
 *
 * With `truncation` a batch is one of long series, each gone through from its start in blocks of steps: a step of training per block,
 * in the order of time, the state carried along. Gradients reach as far back as the window; what a step of training takes does not
 * depend on how long the series are. Every batch starts from the data's `state`, or from 0.
 *
 * The model is in training mode, all modules inside it as well, and in evaluation mode while validation data are gone through; afterwards
 * the mode of each of them is as before. Tensors that a loss makes go back after its step, but for those that it called `keep()` on.
 *
 * @throws RetrogradError 'non-finite' for a loss that is not a finite number, before any update; 'shape', 'type' or 'option' for data
 *   that do not fit the model, saying which batch; 'disposed' for data that were disposed of meanwhile; 'busy' for a model that another
 *   `fit` trains
 */
export async function fit(model: Module, data: FitSource, options: FitOptions): Promise<FitResult> {
  const settings = checkOptions(model, options)
  const holding = new Holding('fit', model)
  const abort = new Abort(options.signal)
  const parts: { dispose(): void }[] = [abort, { dispose: () => holding.end() }]
  try {
    const sources = openSources(model, data, options, { ...settings, abort }, parts)
    const run = new Run(model, sources, options, { ...settings, abort, holding })
    parts.push(run)
    return await inMode(model, true, () => run.epochs())
  } finally {
    for (const part of parts) part.dispose()
  }
}

/** @param parts which are to be disposed of; the sources are put there */
function openSources(
  model: Module,
  data: FitSource,
  options: FitOptions,
  settings: FitSettings & { abort: Abort },
  parts: { dispose(): void }[],
): Sources {
  const { batchSize, seed, shuffle = true, validation } = options
  const { from, truncation, abort } = settings
  const common = { epochs: settings.epochs - from.epoch, bySteps: truncation !== undefined, abort }
  const sizes = { batchSize, defaultSize: TRAINING_BATCH_SIZE }
  const order = shuffle ? { seed, defaultSeed: model.runtime.seed, epochsBefore: settings.epochsBefore } : {}
  const training = openSource('fit', 'data', model, data, { ...common, ...sizes, ...order })
  parts.push(training)
  if (!validation) return { training, validation: undefined }
  const own = { batchSize: undefined, defaultSize: EVALUATION_BATCH_SIZE }
  const validationSource = openSource('fit', 'validation', model, validation, { ...common, ...own })
  parts.push(validationSource)
  return { training, validation: validationSource }
}
