import { parse, View } from 'vega'
import { calendarDay, holidayOn, isoDate } from './calendar.ts'
import type { Range, Series } from './data.ts'
import { figure, TRUTH } from './figure.ts'
import { config } from './style.ts'

const HOLIDAY_NAMES: Record<string, string> = { thanksgiving: 'Thanksgiving', christmas: 'Christmas' }

/** Draws truth against two forecasts over some days of the series and, below, the forecasts' errors. Returns SVG. */
export function plotForecast(series: Series, part: Range, forecasts: Record<string, Float64Array>): Promise<string> {
  const indices = Array.from({ length: part.end - part.start }, (_, k) => part.start + k)
  const dateOf = (i: number) => Date.parse(isoDate(series.firstDay + i))
  const values = Object.entries({ [TRUTH]: series.births, ...forecasts }).flatMap(([name, births]) =>
    indices.map((i) => {
      const [forecast, counted] = [births[i]! / 1000, series.births[i]! / 1000]
      return { name, day: dateOf(i), births: forecast, error: forecast - counted }
    }),
  )
  const days = indices.map((i) => ({
    day: dateOf(i),
    next: dateOf(i + 1),
    births: series.births[i]! / 1000,
    holiday: HOLIDAY_NAMES[holidayOn(series.firstDay + i) ?? ''],
    weekend: calendarDay(series.firstDay + i).weekday >= 5,
  }))
  const spec = figure([TRUTH, ...Object.keys(forecasts)], values, days)
  return new View(parse(spec, config), { renderer: 'none' }).toSVG()
}
