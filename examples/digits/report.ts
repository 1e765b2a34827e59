import { formatTable, mean, percent } from '../kit/table.ts'
import type { Experiment } from './readings.ts'

/** One contestant's training under one seed. */
export interface Run {
  readonly name: string
  readonly seed: number
  /** Validation accuracy after each epoch. */
  readonly history: readonly number[]
  /** Test accuracy with the weights of the best epoch. */
  readonly test: number
  readonly seconds: number
}

/** An experiment with its runs. */
export interface Part {
  readonly experiment: Experiment
  readonly runs: readonly Run[]
}

/**
 * Test accuracies on MNIST's 784 pixels, trained on its 60,000 digits: for the order, not for the height.
 *
 * @see Cooijmans et al. 2017, https://arxiv.org/abs/1603.09025; Le et al. 2015, https://arxiv.org/abs/1504.00941
 */
const PUBLISHED: Readonly<Record<string, string>> = { 'tanh RNN': '35 %', IRNN: '97 %', LSTM: '98.9 %' }

/** Both readings' test accuracies as a table. */
export function tableOf(parts: readonly Part[]): string {
  const header = ['', 'accuracy by seed', 'seconds each', 'published, 784 pixels']
  const rows = parts.flatMap(({ experiment: { reading, contestants }, runs }) =>
    contestants.map(({ name }) => {
      const own = runs.filter((run) => run.name === name)
      return [
        `${reading.name}, ${name}`,
        own.map(({ test }) => percent(test)).join('  '),
        mean(own.map(({ seconds }) => seconds)).toFixed(0),
        reading.inputs === 1 ? PUBLISHED[name]! : '',
      ]
    }),
  )
  return formatTable(header, rows)
}
