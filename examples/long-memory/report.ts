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

/** An experiment's table as aligned text: a line for each contestant, a column for each seed. */
export function formatTable({ title, problem, right, contestants }: Experiment, runs: readonly Run[]): string {
  const seeds = [...new Set(runs.map(({ seed }) => seed))]
  const header = ['', ...seeds.map((seed) => `loss, seed ${seed}`), ...seeds.map(() => right), 'seconds each']
  const rows = contestants.map(({ name }) => {
    const own = runs.filter((run) => run.name === name)
    const seconds = own.reduce((sum, run) => sum + run.seconds, 0) / own.length
    const shares = own.map(({ test }) => `${(100 * test.right).toFixed(1)} %`)
    return [name, ...own.map(({ test }) => test.loss.toFixed(5)), ...shares, seconds.toFixed(0)]
  })
  const widths = header.map((_, column) => Math.max(...[header, ...rows].map((row) => row[column]!.length)))
  const format = (row: string[]) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join('  ')
  const rule = widths.map((width) => '─'.repeat(width)).join('  ')
  return [`${title}; baseline ${problem.baseline.toFixed(4)}`, format(header), rule, ...rows.map(format)].join('\n')
}
