const MS_PER_DAY = 86_400_000

/** Days since 1970-01-01; month and date count from 1. */
export function dayNumber(year: number, month: number, date: number): number {
  return Date.UTC(year, month - 1, date) / MS_PER_DAY
}

export interface CalendarDay {
  readonly year: number
  readonly date: number
  /** 0 is Monday, 6 is Sunday. */
  readonly weekday: number
  /** 0..365, counted as in a leap year, so that a date always has the same number. */
  readonly dayOfYear: number
}

export function calendarDay(day: number): CalendarDay {
  const utc = new Date(day * MS_PER_DAY)
  const [month, date] = [utc.getUTCMonth() + 1, utc.getUTCDate()]
  const dayOfYear = dayNumber(2000, month, date) - dayNumber(2000, 1, 1)
  return { year: utc.getUTCFullYear(), date, weekday: weekdayOf(day), dayOfYear }
}

/** 'Nov 16'. */
export function shortDate(day: number): string {
  return new Date(day * MS_PER_DAY).toLocaleDateString('en', { month: 'short', day: 'numeric', timeZone: 'UTC' })
}

/** The ten federal holidays of 2000–2014, each on its own date (not the weekday on which it is observed). */
export const HOLIDAYS = [
  'newYear',
  'kingDay',
  'presidentsDay',
  'memorialDay',
  'independenceDay',
  'laborDay',
  'columbusDay',
  'veteransDay',
  'thanksgiving',
  'christmas',
] as const
export type Holiday = (typeof HOLIDAYS)[number]

const MONDAY = 0
const THURSDAY = 3
const holidaysByYear = new Map<number, Map<number, Holiday>>()

/** The federal holiday on this day, if any. Computed by rule, so known for any future year. */
export function holidayOn(day: number): Holiday | undefined {
  const { year } = calendarDay(day)
  let holidays = holidaysByYear.get(year)
  if (!holidays) holidaysByYear.set(year, (holidays = holidaysOf(year)))
  return holidays.get(day)
}

function holidaysOf(year: number): Map<number, Holiday> {
  return new Map<number, Holiday>([
    [dayNumber(year, 1, 1), 'newYear'],
    [nthWeekday(year, 1, MONDAY, 3), 'kingDay'],
    [nthWeekday(year, 2, MONDAY, 3), 'presidentsDay'],
    [nthWeekday(year, 6, MONDAY, 1) - 7, 'memorialDay'], // the last Monday of May
    [dayNumber(year, 7, 4), 'independenceDay'],
    [nthWeekday(year, 9, MONDAY, 1), 'laborDay'],
    [nthWeekday(year, 10, MONDAY, 2), 'columbusDay'],
    [dayNumber(year, 11, 11), 'veteransDay'],
    [nthWeekday(year, 11, THURSDAY, 4), 'thanksgiving'],
    [dayNumber(year, 12, 25), 'christmas'],
  ])
}

function nthWeekday(year: number, month: number, weekday: number, n: number): number {
  const first = dayNumber(year, month, 1)
  return first + ((weekday - weekdayOf(first) + 7) % 7) + 7 * (n - 1)
}

/** Day 0 was a Thursday. */
function weekdayOf(day: number): number {
  return (day + THURSDAY) % 7
}
