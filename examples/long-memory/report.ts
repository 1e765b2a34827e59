import { formatTable, mean, percent } from '../kit/table.ts'
import type { Experiment } from './experiments.ts'
import type { TestResult } from './training.ts'

/** One contestant's training under one seed. */
export interface Run {
  readonly name: string
  readonly seed: number
  /** Mean loss per interval of steps. */
  readonly curve: readonly number[]
  readonly test: TestResult
  readonly seconds: number
}

/** An experiment with its runs. */
export interface Part {
  readonly experiment: Experiment
  readonly runs: readonly Run[]
}

/** An experiment's table: a line for each contestant, a column for each seed. */
export function tableOf({ experiment: { title, problem, right, contestants }, runs }: Part): string {
  const seeds = [...new Set(runs.map(({ seed }) => seed))]
  const header = ['', ...seeds.map((seed) => `loss, seed ${seed}`), ...seeds.map(() => right), 'seconds each']
  const rows = contestants.map(({ name }) => {
    const own = runs.filter((run) => run.name === name)
    const seconds = mean(own.map((run) => run.seconds))
    const losses = own.map(({ test }) => test.loss.toFixed(5))
    return [name, ...losses, ...own.map(({ test }) => percent(test.right)), seconds.toFixed(0)]
  })
  return `${title}; baseline ${problem.baseline.toFixed(4)}\n${formatTable(header, rows)}`
}
