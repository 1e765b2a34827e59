import { score } from './baselines.ts'
import { calendarDay, holidayOn } from './calendar.ts'
import type { Series, Split } from './data.ts'

const DAYS_OF_YEAR = 366
const YEARS = [1, 2, 3, 5, 11] // how many of the last training years give the level of each weekday
const WINDOWS = [1, 3, 7, 15, 31] // days over which the seasonal factor is averaged

/**
 * The usual number of births of such a day: weekday level × seasonal factor, or × holiday factor near a holiday.
 * Everything is estimated from the training part; validation picks the two settings.
 */
export function climatology(series: Series, split: Split): Float64Array {
  const days = describe(series)
  const candidates = YEARS.flatMap((years) => WINDOWS.map((window) => forecast(series, split, days, years, window)))
  const errors = candidates.map((candidate) => score(series, candidate, split.validation).rmse)
  return candidates[errors.indexOf(Math.min(...errors))]!
}

interface Day {
  readonly year: number
  readonly weekday: number
  readonly dayOfYear: number
  /** The holiday this day is, precedes or follows, kept apart for weekends; undefined on ordinary days. */
  readonly holiday: string | undefined
}

function describe({ firstDay, births }: Series): Day[] {
  return Array.from(births, (_, i) => {
    const { year, weekday, dayOfYear } = calendarDay(firstDay + i)
    const offset = [0, 1, -1].find((days) => holidayOn(firstDay + i + days))
    const kind = weekday >= 5 ? 'weekend' : 'weekday'
    const holiday = offset === undefined ? undefined : `${holidayOn(firstDay + i + offset)} ${offset} ${kind}`
    return { year, weekday, dayOfYear, holiday }
  })
}

function forecast(series: Series, { train }: Split, days: Day[], years: number, window: number): Float64Array {
  const levels = new Means() // of a weekday in a year, holidays apart
  const seasons = new Means() // of births / level, by day of the year
  const holidays = new Means() // of births / level, by holiday
  for (let i = train.start; i < train.end; i++) {
    const { holiday, year, weekday } = days[i]!
    if (!holiday) levels.add(`${year} ${weekday}`, series.births[i]!)
  }
  for (let i = train.start; i < train.end; i++) {
    const { holiday, year, weekday, dayOfYear } = days[i]!
    const factor = series.births[i]! / levels.get(`${year} ${weekday}`)!
    if (holiday) holidays.add(holiday, factor)
    else spread(dayOfYear, window).forEach((day) => seasons.add(String(day), factor))
  }
  const lastYear = days[train.end - 1]!.year
  const level = Array.from({ length: 7 }, (_, weekday) => {
    const recent = Array.from({ length: years }, (_, back) => levels.get(`${lastYear - back} ${weekday}`)!)
    return recent.reduce((sum, value) => sum + value, 0) / years
  })
  return Float64Array.from(days, ({ weekday, dayOfYear, holiday }) => {
    const factor = (holiday ? holidays.get(holiday) : undefined) ?? seasons.get(String(dayOfYear)) ?? 1
    return level[weekday]! * factor
  })
}

/** The days of the year, `window` wide around `day`, to whose factor it adds. */
function spread(day: number, window: number): number[] {
  const half = (window - 1) / 2
  return Array.from({ length: window }, (_, k) => (day + k - half + DAYS_OF_YEAR) % DAYS_OF_YEAR)
}

class Means {
  readonly #sums = new Map<string, { total: number; count: number }>()

  add(key: string, value: number): void {
    const sum = this.#sums.get(key) ?? { total: 0, count: 0 }
    this.#sums.set(key, { total: sum.total + value, count: sum.count + 1 })
  }

  get(key: string): number | undefined {
    const sum = this.#sums.get(key)
    return sum && sum.total / sum.count
  }
}
