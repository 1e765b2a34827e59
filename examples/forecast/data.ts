import { readFileSync } from 'node:fs'
import { dayNumber } from './calendar.ts'

/** Days [start, end) of the series. */
export interface Range {
  readonly start: number
  readonly end: number
}

/** Births per day without gaps; element i belongs to the day `firstDay + i` (days since 1970-01-01). */
export interface Series {
  readonly firstDay: number
  readonly births: Float64Array
}

export interface Split {
  readonly train: Range
  readonly validation: Range
  readonly test: Range
}

const FILE = new URL('us-births-2000-2014.csv', import.meta.url)

/** Reads the series and refuses a file with a gap, since every lag counts on whole days. */
export function readBirths(file: URL = FILE): Series {
  const lines = readFileSync(file, 'utf8').trim().split('\n').slice(1)
  const rows = lines.map((line) => {
    const [date = '', births] = line.split(',')
    const [year = NaN, month = NaN, day = NaN] = date.split('-').map(Number)
    return { day: dayNumber(year, month, day), births: Number(births) }
  })
  const firstDay = rows[0]!.day
  rows.forEach((row, i) => {
    if (row.day !== firstDay + i || !(row.births > 0)) throw new Error(`${file}: line ${i + 2} is "${lines[i]}"`)
  })
  return { firstDay, births: Float64Array.from(rows, (row) => row.births) }
}

/** Splits in time order: the future never explains the past. Test: the last two years, validation: the two before. */
export function splitByYear({ firstDay, births }: Series): Split {
  const validationStart = dayNumber(2011, 1, 1) - firstDay
  const testStart = dayNumber(2013, 1, 1) - firstDay
  return {
    train: { start: 0, end: validationStart },
    validation: { start: validationStart, end: testStart },
    test: { start: testStart, end: births.length },
  }
}
