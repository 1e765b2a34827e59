import { Adam, fit, type FitProgress, GRU, Linear, mseLoss, Sequential, type Runtime } from 'retrograd'
import { score } from './baselines.ts'
import type { Range, Series, Split } from './data.ts'
import { FEATURES, FIRST_DAY, type Features } from './features.ts'

const HIDDEN = 32
const WINDOW = 77 // days per training sample, and of warm-up before a forecast
const STRIDE = 7 // days between the starts of two samples
const BATCH = 32
const LEARNING_RATE = 1e-2
const MAX_NORM = 1

export const STEPS_PER_EPOCH = 16

export interface Problem {
  readonly series: Series
  readonly split: Split
  readonly features: Features
}

export interface TrainOptions {
  readonly epochs: number
  readonly seed: number
  readonly onProgress?: (progress: FitProgress) => void
}

/** The forecaster: inputs [T, B, FEATURES] to one answer per day, [T, B, 1]. */
export function createGru(rt: Runtime): Sequential {
  return new Sequential(rt, [
    new GRU(rt, { inputSize: FEATURES, hiddenSize: HIDDEN }),
    new Linear(rt, { inFeatures: HIDDEN, outFeatures: 1 }),
  ])
}

/** The same without memory, to see what the recurrence is worth. */
export function createLinear(rt: Runtime): Sequential {
  return new Sequential(rt, [new Linear(rt, { inFeatures: FEATURES, outFeatures: 1 })])
}

/** Trains for some epochs and leaves the weights of the epoch that forecast the validation part best. */
export async function train(rt: Runtime, model: Sequential, problem: Problem, options: TrainOptions): Promise<void> {
  const { series, split, features } = problem
  const { epochs, seed, onProgress } = options
  const data = trainingWindows(rt, features, split.train)
  const optimizer = new Adam(model, { lr: LEARNING_RATE })
  let best = { rmse: Infinity, weights: model.stateDict() }

  for (let epoch = 0; epoch < epochs; epoch++) {
    // One epoch per call, so that validation can look in between; a new seed reshuffles the windows.
    await fit(model, data, {
      loss: mseLoss,
      optimizer,
      epochs: 1,
      batchSize: BATCH,
      clip: { norm: MAX_NORM },
      seed: seed * 1000 + epoch,
      onProgress,
    })
    const { rmse } = score(series, forecast(rt, model, features, split.validation), split.validation)
    if (rmse < best.rmse) best = { rmse, weights: model.stateDict() }
  }
  model.loadStateDict(best.weights)
  data.input.dispose()
  data.target.dispose()
}

/**
 * Forecasts each day of `part` from what was known on its eve, in births; NaN elsewhere.
 * One pass over the part: the state at day i has only seen inputs up to day i.
 */
export function forecast(rt: Runtime, model: Sequential, { inputs, toBirths }: Features, part: Range): Float64Array {
  const start = part.start - WINDOW
  const length = part.end - start
  model.eval()
  const input = rt.tensor(inputs.subarray(start * FEATURES, part.end * FEATURES), [length, 1, FEATURES])
  const answers = model.forward(input).output.data
  const births = new Float64Array(inputs.length / FEATURES).fill(NaN)
  for (let i = part.start; i < part.end; i++) births[i] = toBirths(answers[i - start]!, i)
  input.dispose()
  return births
}

/** Overlapping windows of the training part as one batch-second block [WINDOW, samples, …]; `fit` shuffles and batches it. */
function trainingWindows(rt: Runtime, { inputs, targets }: Features, part: Range) {
  const samples = STEPS_PER_EPOCH * BATCH
  const input = new Float32Array(WINDOW * samples * FEATURES)
  const target = new Float32Array(WINDOW * samples)
  for (let sample = 0; sample < samples; sample++) {
    const start = part.end - WINDOW - sample * STRIDE
    if (start < FIRST_DAY) throw new Error(`The training part is too short for ${samples} windows`)
    for (let t = 0; t < WINDOW; t++) {
      const row = t * samples + sample
      input.set(inputs.subarray((start + t) * FEATURES, (start + t + 1) * FEATURES), row * FEATURES)
      target[row] = targets[start + t]!
    }
  }
  return {
    input: rt.tensor(input, [WINDOW, samples, FEATURES]),
    target: rt.tensor(target, [WINDOW, samples, 1]),
  }
}
