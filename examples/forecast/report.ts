import { formatTable, mean, percent } from '../kit/table.ts'
import type { Score } from './baselines.ts'

/** One line of the table: a method and its score for each seed (one score where nothing is drawn). */
export interface Entry {
  readonly name: string
  readonly scores: readonly Score[]
}

/** The last entry is the one the others are compared with. */
export function tableOf(entries: readonly Entry[]): string {
  const model = entries.at(-1)!
  const header = ['births per day', 'MAE', 'RMSE', `${model.name} lowers MAE by`, 'RMSE by']
  const rows = entries.map((entry) => [
    entry.name,
    spread(entry, 'mae'),
    spread(entry, 'rmse'),
    ...(entry === model ? ['', ''] : [gain(entry, model, 'mae'), gain(entry, model, 'rmse')]),
  ])
  return formatTable(header, rows)
}

/** Mean, and with several seeds their (sample) standard deviation. */
function spread({ scores }: Entry, key: keyof Score): string {
  const values = scores.map((score) => score[key])
  const middle = mean(values)
  if (values.length < 2) return middle.toFixed(0)
  const variance = values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1)
  return `${middle.toFixed(0)} ± ${Math.sqrt(variance).toFixed(0)}`
}

function gain(entry: Entry, model: Entry, key: keyof Score): string {
  const [other, ours] = [entry, model].map(({ scores }) => mean(scores.map((score) => score[key])))
  return percent(1 - ours! / other!)
}
