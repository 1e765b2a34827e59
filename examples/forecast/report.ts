import type { Score } from './baselines.ts'

/** One line of the table: a method and its score for each seed (one score where nothing is drawn). */
export interface Entry {
  readonly name: string
  readonly scores: readonly Score[]
}

/** The table as aligned text; the last entry is the one the others are compared with. */
export function formatTable(entries: readonly Entry[]): string {
  const model = entries.at(-1)!
  const header = ['births per day', 'MAE', 'RMSE', `${model.name} lowers MAE by`, 'RMSE by']
  const rows = entries.map((entry) => [
    entry.name,
    spread(entry, 'mae'),
    spread(entry, 'rmse'),
    ...(entry === model ? ['', ''] : [gain(entry, model, 'mae'), gain(entry, model, 'rmse')]),
  ])
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)))
  const format = (row: string[]) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join('  ')
  return [format(header), widths.map((width) => '─'.repeat(width)).join('  '), ...rows.map(format)].join('\n')
}

/** Mean, and with several seeds their (sample) standard deviation. */
function spread({ scores }: Entry, key: keyof Score): string {
  const values = scores.map((score) => score[key])
  const mean = average(values)
  if (values.length < 2) return mean.toFixed(0)
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)
  return `${mean.toFixed(0)} ± ${Math.sqrt(variance).toFixed(0)}`
}

function gain(entry: Entry, model: Entry, key: keyof Score): string {
  const [other, ours] = [entry, model].map(({ scores }) => average(scores.map((score) => score[key])))
  return `${(100 * (1 - ours! / other!)).toFixed(1)} %`
}

function average(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
