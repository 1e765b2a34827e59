import type { Axis } from '../kit/axes.ts'
import { drawLines, type Line } from '../kit/lines.ts'
import type { Note, Shade } from '../kit/marks.ts'
import { COLOURS } from '../kit/style.ts'
import { calendarDay, holidayOn, shortDate } from './calendar.ts'
import type { Range, Series } from './data.ts'

const WIDTH = 920
const TRUTH = { name: 'counted', colour: COLOURS.black, width: 2.5 }
const FORECASTS = [
  { colour: COLOURS.orange, width: 2 },
  { colour: COLOURS.blue, width: 1.25, dash: [4, 3] },
]
const HOLIDAY_NAMES: Record<string, string> = { thanksgiving: 'Thanksgiving', christmas: 'Christmas' }
const [SATURDAY, SUNDAY] = [5, 6]
/** The first and the last day stand clear of the frame. */
const HALF_A_DAY = 0.5

/** Draws truth against two forecasts over some days of the series and, below, the forecasts' errors. Returns SVG. */
export function plotForecast(series: Series, part: Range, forecasts: Record<string, Float64Array>): Promise<string> {
  const { births } = series
  const days = Array.from({ length: part.end - part.start }, (_, k) => part.start + k)
  const answers = Object.entries(forecasts)
  const shared = { width: WIDTH, x: axisOf(series, days), shades: weekendsOf(series, days) }
  return drawLines({
    title: 'Births in the United States: forecast on the eve, and counted',
    subtitle:
      'The last weeks of the test part, used neither for training nor for picking the epoch. Weekends are shaded.',
    looks: [TRUTH, ...answers.map(([name], i) => ({ name, ...FORECASTS[i]! }))],
    columns: 1,
    panels: [
      {
        ...shared,
        y: { title: 'births per day (thousands)' },
        lines: [[TRUTH.name, births] as const, ...answers].map(([name, x]) => lineOf(name, days, (day) => x[day]!)),
        notes: notesOf(series, days),
      },
      {
        ...shared,
        height: 140,
        y: { title: 'error (thousands)' },
        lines: answers.map(([name, x]) => lineOf(name, days, (day) => x[day]! - births[day]!)),
      },
    ],
  })
}

const lineOf = (name: string, days: readonly number[], births: (day: number) => number): Line => ({
  name,
  points: days.map((day) => ({ x: day, y: births(day) / 1000 })),
})

const axisOf = ({ firstDay }: Series, days: readonly number[]): Axis => ({
  title: String(calendarDay(firstDay + days.at(-1)!).year),
  domain: [days[0]! - HALF_A_DAY, days.at(-1)! + HALF_A_DAY],
  ticks: days
    .filter((day) => calendarDay(firstDay + day).weekday === SUNDAY)
    .map((day) => ({ at: day, label: shortDate(firstDay + day) })),
})

const weekendsOf = ({ firstDay }: Series, days: readonly number[]): Shade[] =>
  days
    .filter((day) => calendarDay(firstDay + day).weekday === SATURDAY)
    .map((day) => ({ from: day - HALF_A_DAY, to: Math.min(day + 1, days.at(-1)!) + HALF_A_DAY }))

/** The great holidays by name. */
const notesOf = ({ firstDay, births }: Series, days: readonly number[]): Note[] =>
  days.flatMap((day) => {
    const text = HOLIDAY_NAMES[holidayOn(firstDay + day) ?? '']
    return text ? [{ x: day, y: births[day]! / 1000, text }] : []
  })
