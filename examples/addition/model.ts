import { Adam, crossEntropyLoss, fit, type FitProgress, Linear, LSTM, type Runtime, Sequential } from 'retrograd'
import type { Split, Sum } from './data.ts'
import { ANSWER, answerTo, decode, encode, SYMBOLS } from './encoding.ts'

const HIDDEN = 128
const BATCH = 32
const FIRST_RATE = 1e-2
const LAST_RATE = 1e-4
const MAX_NORM = 1

export interface Accuracy {
  /** Share of right symbols; the blanks that fill up a short answer count, as in the Keras example. */
  readonly character: number
  /** Share of answers without a wrong symbol. */
  readonly answer: number
}

export interface TrainOptions {
  readonly epochs: number
  readonly seed: number
  readonly onProgress?: (progress: FitProgress) => void
}

/** The adder: one LSTM that reads and then writes, [STEPS, B, SYMBOLS] to logits of the same shape. */
export function createAdder(rt: Runtime): Sequential {
  return new Sequential(rt, [
    new LSTM(rt, { inputSize: SYMBOLS.length, hiddenSize: HIDDEN }),
    new Linear(rt, { inFeatures: HIDDEN, outFeatures: SYMBOLS.length }),
  ])
}

export function stepsPerEpoch({ train }: Split): number {
  return Math.ceil(train.length / BATCH)
}

/**
 * Trains for some epochs and leaves the weights of the epoch that answered the validation part best.
 *
 * @returns the validation accuracy after each epoch
 */
export async function train(rt: Runtime, model: Sequential, split: Split, options: TrainOptions): Promise<Accuracy[]> {
  const { epochs, seed, onProgress } = options
  const data = encode(rt, split.train)
  const optimizer = new Adam(model, { lr: FIRST_RATE })
  const history: Accuracy[] = []
  let best = { character: 0, weights: model.stateDict() }

  for (let epoch = 0; epoch < epochs; epoch++) {
    // One epoch per call, so that rate and validation can come in between; a new seed reshuffles the sums.
    optimizer.lr = FIRST_RATE * (LAST_RATE / FIRST_RATE) ** (epoch / epochs)
    await fit(model, data, {
      loss: crossEntropyLoss,
      optimizer,
      epochs: 1,
      batchSize: BATCH,
      clip: { norm: MAX_NORM },
      seed: seed * 1000 + epoch,
      onProgress,
    })
    const reached = accuracy(rt, model, split.validation)
    history.push(reached)
    if (reached.character > best.character) best = { character: reached.character, weights: model.stateDict() }
  }
  model.loadStateDict(best.weights)
  for (const tensor of Object.values(data)) tensor.dispose()
  return history
}

/** What the model writes under each sum. */
export function answers(rt: Runtime, model: Sequential, sums: readonly Sum[]): string[] {
  const questions = encode(rt, sums)
  model.eval()
  const written = decode(model.forward(questions.input).output)
  for (const tensor of Object.values(questions)) tensor.dispose()
  return written
}

export function accuracy(rt: Runtime, model: Sequential, sums: readonly Sum[]): Accuracy {
  const written = answers(rt, model, sums)
  const wrong = sums.map((sum, n) => [...answerTo(sum)].filter((symbol, k) => symbol !== written[n]![k]).length)
  return {
    character: 1 - wrong.reduce((total, count) => total + count, 0) / (sums.length * ANSWER),
    answer: wrong.filter((count) => count === 0).length / sums.length,
  }
}
