import {
  Adam,
  crossEntropyLoss,
  fit,
  type FitProgress,
  init,
  LastStep,
  Linear,
  LSTM,
  type Module,
  predict,
  RNN,
  type Runtime,
  Sequential,
  type Tensor,
} from 'retrograd'
import { likeliest } from '../kit/scores.ts'
import { CLASSES, type Digit, PIXELS, scaledPixels, type Split } from './data.ts'

const BATCH = 32
const MAX_NORM = 1
/** Over a run the learning rate falls to this share of the first, by a constant factor. */
const LAST_SHARE = 0.1

/** How an image becomes a sequence: so many steps of so many pixels. */
export interface Reading {
  readonly name: string
  readonly steps: number
  readonly inputs: number
}

/** A recurrent layer with its own initial values. */
export type Layer = (rt: Runtime, reading: Reading, hidden: number) => Module

/** Elman's network with PyTorch's initial values. */
export const tanhRnn: Layer = (rt, { inputs }, hidden) => new RNN(rt, { inputSize: inputs, hiddenSize: hidden })

/**
 * ReLU, with an identity for recurrent weights, small input weights and no biases at first.
 *
 * @see Le, Jaitly and Hinton 2015, https://arxiv.org/abs/1504.00941
 */
export const irnn: Layer = (rt, { inputs }, hidden) => {
  const rnn = new RNN(rt, { inputSize: inputs, hiddenSize: hidden, nonlinearity: 'relu' })
  const valueOf = (name: string) => rnn.parameters().find((parameter) => parameter.name === name)!.value
  init.identity(valueOf('weight_hh_l0'))
  init.xavierNormal(valueOf('weight_ih_l0'), { gain: 0.3 })
  for (const name of ['bias_ih_l0', 'bias_hh_l0']) valueOf(name).data.fill(0)
  return rnn
}

/** Gates biased to remember about as long as the sequence is. @see init.chrono, Tallec and Ollivier 2018 */
export const lstm: Layer = (rt, { inputs, steps }, hidden) => {
  const layer = new LSTM(rt, { inputSize: inputs, hiddenSize: hidden })
  init.chrono(layer, steps)
  return layer
}

/** A layer that reads the whole image, then says what it was: [steps, B, inputs] to logits [B, CLASSES]. */
export function createReader(rt: Runtime, layer: Layer, reading: Reading, hidden: number): Sequential {
  return new Sequential(rt, [
    layer(rt, reading, hidden),
    new LastStep(rt),
    new Linear(rt, { inFeatures: hidden, outFeatures: CLASSES }),
  ])
}

export function stepsPerEpoch({ train }: Split): number {
  return Math.ceil(train.length / BATCH)
}

export interface TrainOptions {
  readonly epochs: number
  readonly rate: number
  readonly seed: number
  readonly onProgress?: (progress: FitProgress) => void
}

/**
 * Trains for some epochs and leaves the weights of the epoch that read the validation part best.
 *
 * @returns the validation accuracy after each epoch
 */
export async function train(model: Sequential, reading: Reading, split: Split, options: TrainOptions) {
  const { epochs, rate, seed, onProgress } = options
  const rt = model.runtime
  const data = encode(rt, reading, split.train)
  const optimizer = new Adam(model, { lr: rate })
  const history: number[] = []
  let best = { accuracy: 0, weights: model.stateDict() }

  for (let epoch = 0; epoch < epochs; epoch++) {
    // One epoch per call, so that rate and validation can come in between; a new seed reshuffles the digits.
    optimizer.lr = rate * LAST_SHARE ** (epoch / epochs)
    await fit(model, data, {
      loss: crossEntropyLoss,
      optimizer,
      batchSize: BATCH,
      clip: { norm: MAX_NORM },
      seed: seed * 1000 + epoch,
      onProgress,
    })
    const reached = accuracy(model, reading, split.validation)
    history.push(reached)
    if (reached > best.accuracy) best = { accuracy: reached, weights: model.stateDict() }
  }
  model.loadStateDict(best.weights)
  for (const tensor of Object.values(data)) tensor.dispose()
  return history
}

/** Share of digits that are read rightly. */
export function accuracy(model: Sequential, reading: Reading, digits: readonly Digit[]): number {
  const { input, target } = encode(model.runtime, reading, digits)
  const logits = predict(model, input)
  const read = likeliest(logits.data, CLASSES)
  const right = digits.filter(({ label }, n) => read[n] === label)
  for (const tensor of [input, target, logits]) tensor.dispose()
  return right.length / digits.length
}

/** Pixels, scaled, as [steps, N, inputs] and labels [N]; the tensors are the caller's to dispose of. */
function encode(rt: Runtime, { steps, inputs }: Reading, digits: readonly Digit[]): { input: Tensor; target: Tensor } {
  const N = digits.length
  const input = new Float32Array(N * PIXELS)
  const pixels = scaledPixels(digits)
  for (let n = 0; n < N; n++) {
    for (let t = 0; t < steps; t++) {
      const start = n * PIXELS + t * inputs
      input.set(pixels.subarray(start, start + inputs), (t * N + n) * inputs)
    }
  }
  const labels = digits.map(({ label }) => label)
  return { input: rt.tensor(input, [steps, N, inputs]), target: rt.indices(labels, [N]) }
}
