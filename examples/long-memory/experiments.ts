import { addingProblem } from './adding.ts'
import { copyMemory } from './copying.ts'
import { forgetfulLstm, gru, irnn, type Layer, lstm, orthogonal, tanhRnn } from './nets.ts'
import type { Problem } from './problem.ts'
import type { TrainOptions } from './training.ts'

/** One problem, and who tries it under the same terms. */
export interface Experiment {
  readonly title: string
  readonly problem: Problem
  /** What counts as right, as a column's head. */
  readonly right: string
  readonly steps: number
  readonly hidden: number
  readonly contestants: readonly Contestant[]
}

export interface Contestant {
  readonly name: string
  readonly layer: Layer
  readonly rate: number
  readonly truncation?: TrainOptions['truncation']
}

export const adding: Experiment = {
  title: 'Adding, 100 steps',
  problem: addingProblem(100),
  right: 'sums within 0.04',
  steps: 1500,
  hidden: 64,
  contestants: [
    { name: 'tanh RNN', layer: tanhRnn, rate: 0.003 },
    { name: 'IRNN', layer: irnn, rate: 0.003 },
    { name: 'LSTM', layer: lstm, rate: 0.01 },
    { name: 'GRU', layer: gru, rate: 0.01 },
  ],
}

export const shortCopy: Experiment = {
  title: 'Copying, 4 letters over a delay of 20',
  problem: copyMemory({ length: 4, delay: 20 }),
  right: 'letters',
  steps: 2000,
  hidden: 96,
  contestants: [
    { name: 'tanh RNN', layer: tanhRnn, rate: 0.002 },
    { name: 'LSTM', layer: lstm, rate: 0.01 },
    { name: 'GRU', layer: gru, rate: 0.01 },
    { name: 'orthogonal RNN', layer: orthogonal, rate: 0.001 },
  ],
}

export const longCopy: Experiment = {
  title: 'Copying, 10 letters over a delay of 50',
  problem: copyMemory({ length: 10, delay: 50 }),
  right: 'letters',
  steps: 800,
  hidden: 128,
  contestants: [
    { name: 'tanh RNN', layer: tanhRnn, rate: 0.002 },
    { name: 'GRU', layer: gru, rate: 0.005 },
    { name: 'orthogonal RNN', layer: orthogonal, rate: 0.001 },
  ],
}

/** The letter is to be recalled 20 steps after it was read: one window holds that way, the other does not. */
export const truncation: Experiment = {
  title: 'Copying, 1 letter over a delay of 19, blocks of 4 losses',
  problem: copyMemory({ length: 1, delay: 19 }),
  right: 'letters',
  steps: 1500,
  hidden: 64,
  contestants: [
    { name: 'LSTM, window 8', layer: forgetfulLstm, rate: 0.02, truncation: { window: 8, stride: 4 } },
    { name: 'LSTM, window 24', layer: forgetfulLstm, rate: 0.02, truncation: { window: 24, stride: 4 } },
  ],
}
