/** Three series of 23 steps and a model of two layers over them: what tests of fit with truncation train. */
import * as assert from 'uvu/assert'
import {
  GRU,
  LSTM,
  LayerNorm,
  Linear,
  type Module,
  RetrogradError,
  type Runtime,
  SGD,
  Sequential,
  type Tensor,
  mseLoss,
} from '../../bindings/index.ts'
import { drawParameters, drawTensor } from './nets.ts'

/** Steps, series, input columns. */
export const [T, N, I] = [23, 3, 2]

export function makeModel(rt: Runtime, batchFirst = false): Sequential {
  const model = new Sequential(rt, [
    new GRU(rt, { inputSize: I, hiddenSize: 5, batchFirst, skips: [2] }),
    new LayerNorm(rt, { normalizedShape: 5 }),
    new LSTM(rt, { inputSize: 5, hiddenSize: 4, batchFirst }),
    new Linear(rt, { inFeatures: 4, outFeatures: 1 }),
  ])
  drawParameters(model, 1)
  return model
}

/** Input and target, time first. */
export const drawSeries = (rt: Runtime): { input: Tensor; target: Tensor } => ({
  input: drawTensor(rt, 1, 'x', [T, N, I]),
  target: drawTensor(rt, 2, 'y', [T, N, 1]),
})

export const optimizerOf = (model: Module) => new SGD(model, { lr: 0.1, momentum: 0.9 })
export const optionsOf = (model: Module) => ({ loss: mseLoss, optimizer: optimizerOf(model), clip: { norm: 0.5 } })

/** Throws unless the run is refused with this error. */
export async function expectRejection(run: Promise<unknown>, code: string, message: RegExp): Promise<void> {
  let error: unknown
  await run.catch((thrown: unknown) => (error = thrown))
  assert.ok(error instanceof RetrogradError, `threw ${error}`)
  assert.match(error.message, message)
  assert.is(error.code, code)
}
