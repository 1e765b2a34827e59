import { addingProblem } from './adding.ts'
import { copyMemory } from './copying.ts'
import { gru, irnn, type Layer, lstm, orthogonal, tanhRnn } from './nets.ts'
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
  title: 'Adding problem, 100 steps',
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
  title: 'Copy memory, 4 letters over a delay of 20',
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
  title: 'Copy memory, 10 letters over a delay of 50',
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

/** Every letter is to be recalled 33 steps after it was read: one window holds that way, the other does not. */
export const truncation: Experiment = {
  title: 'Copy memory, 3 letters over a delay of 30, under truncation',
  problem: copyMemory({ length: 3, delay: 30 }),
  right: 'letters',
  steps: 1600,
  hidden: 64,
  contestants: [
    { name: 'GRU, window 16', layer: gru, rate: 0.01, truncation: { window: 16, stride: 4 } },
    { name: 'GRU, window 36', layer: gru, rate: 0.01, truncation: { window: 36, stride: 4 } },
  ],
}
