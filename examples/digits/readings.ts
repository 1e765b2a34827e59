import { PIXELS, SIDE } from './data.ts'
import { irnn, type Layer, lstm, type Reading, tanhRnn } from './model.ts'

/** One way of reading the digits, and who tries it. */
export interface Experiment {
  readonly reading: Reading
  readonly epochs: number
  readonly hidden: number
  readonly seeds: readonly number[]
  readonly contestants: readonly { readonly name: string; readonly layer: Layer; readonly rate: number }[]
}

// Seeds 1 and 2 were used up in the search for the settings.
export const byRow: Experiment = {
  reading: { name: 'by row', steps: SIDE, inputs: SIDE },
  epochs: 15,
  hidden: 64,
  seeds: [3, 4, 5],
  contestants: [
    { name: 'tanh RNN', layer: tanhRnn, rate: 0.003 },
    { name: 'IRNN', layer: irnn, rate: 0.002 },
    { name: 'LSTM', layer: lstm, rate: 0.005 },
  ],
}

export const byPixel: Experiment = {
  reading: { name: 'by pixel', steps: PIXELS, inputs: 1 },
  epochs: 10,
  hidden: 64,
  seeds: [3, 4, 5],
  contestants: [
    { name: 'tanh RNN', layer: tanhRnn, rate: 0.001 },
    { name: 'IRNN', layer: irnn, rate: 0.0002 },
    { name: 'LSTM', layer: lstm, rate: 0.005 },
  ],
}
