import { parse, View, type Config, type Mark, type Spec } from 'vega'
import { calendarDay, holidayOn, isoDate } from './calendar.ts'
import type { Range, Series } from './data.ts'

const TRUTH = 'counted'
const COLOURS = ['#212529', '#e8590c', '#4c6ef5'] // the truth, then the forecasts
const WIDTHS = [2.5, 2, 1.25]
const DASHES = [[1], [1], [4, 3]].map((dash) => (dash.length > 1 ? dash : [1, 0]))
const HOLIDAY_NAMES: Record<string, string> = { thanksgiving: 'Thanksgiving', christmas: 'Christmas' }

const WIDTH = 920
const MARGIN = 10 // pixels, half a day: the first and last day stand clear of the frame
const FONT = 'Helvetica Neue, Helvetica, Arial, sans-serif'
const INK = '#343a40'
const PALE = '#868e96'

const config: Config = {
  title: { font: FONT, color: INK, fontSize: 18, anchor: 'start', offset: 16, subtitleFont: FONT, subtitleColor: PALE },
  axis: { labelFont: FONT, titleFont: FONT, labelColor: INK, titleColor: INK, labelFontSize: 12, titleFontSize: 12 },
  legend: { labelFont: FONT, labelColor: INK, labelFontSize: 13, symbolSize: 700, columnPadding: 24 },
  text: { font: FONT, fontSize: 12, fill: INK },
}

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

function figure(names: string[], values: object[], days: object[]): Spec {
  return {
    width: WIDTH,
    padding: 20,
    background: 'white',
    layout: { columns: 1, padding: { row: 28 } },
    title: {
      text: 'Births in the United States: forecast on the eve, and counted',
      subtitle: 'The last weeks of the test part, which neither training nor selection has seen. Weekends are shaded.',
    },
    data: [
      { name: 'values', values },
      { name: 'errors', source: 'values', transform: [{ type: 'filter', expr: `datum.name !== '${TRUTH}'` }] },
      { name: 'days', values: days },
      { name: 'weekends', source: 'days', transform: [{ type: 'filter', expr: 'datum.weekend' }] },
      { name: 'holidays', source: 'days', transform: [{ type: 'filter', expr: 'datum.holiday' }] },
    ],
    scales: [
      { name: 'x', type: 'utc', domain: { data: 'values', field: 'day' }, range: [MARGIN, WIDTH - MARGIN] },
      { name: 'colour', type: 'ordinal', domain: names, range: COLOURS },
      { name: 'dash', type: 'ordinal', domain: names, range: DASHES },
      { name: 'thickness', type: 'ordinal', domain: names, range: WIDTHS },
    ],
    legends: [
      { stroke: 'colour', strokeDash: 'dash', strokeWidth: 'thickness', symbolType: 'stroke', orient: 'top', direction: 'horizontal' },
    ],
    marks: [
      panel({ field: 'births', data: 'values', title: 'births per day (thousands)', height: 320 }, [holidayLabels]),
      panel({ field: 'error', data: 'errors', title: 'error (thousands)', height: 140 }, []),
    ],
  }
}

function panel({ field, data, title, height }: Record<'field' | 'data' | 'title', string> & { height: number }, labels: Mark[]): Mark {
  return {
    type: 'group',
    encode: { enter: { width: { value: WIDTH }, height: { value: height } } },
    scales: [{ name: 'y', type: 'linear', domain: { data, field }, range: [height, 0], nice: true, zero: false }],
    axes: [
      { orient: 'left', scale: 'y', title, titlePadding: 12, grid: true, tickCount: height / 40 },
      { orient: 'bottom', scale: 'x', format: '%b %-d', tickCount: { interval: 'week', step: 1 } },
    ],
    marks: [weekendShades(height), lines(field, data), ...labels],
  }
}

function weekendShades(height: number): Mark {
  const x = (field: string) => ({ scale: 'x', field, offset: -MARGIN })
  const enter = { x: x('day'), x2: x('next'), y: { value: 0 }, y2: { value: height }, fill: { value: '#f1f3f5' } }
  return { type: 'rect', from: { data: 'weekends' }, zindex: -1, encode: { enter } }
}

function lines(field: string, data: string): Mark {
  const enter = {
    x: { scale: 'x', field: 'day' },
    y: { scale: 'y', field },
    stroke: { scale: 'colour', field: 'name' },
    strokeDash: { scale: 'dash', field: 'name' },
    strokeWidth: { scale: 'thickness', field: 'name' },
    strokeJoin: { value: 'round' as const },
  }
  return {
    type: 'group',
    from: { facet: { name: 'series', data, groupby: 'name' } },
    marks: [{ type: 'line', from: { data: 'series' }, encode: { enter } }],
  }
}

/** Under the low of each great holiday, its name. */
const holidayLabels: Mark = {
  type: 'text',
  from: { data: 'holidays' },
  encode: {
    enter: {
      x: { scale: 'x', field: 'day' },
      y: { scale: 'y', field: 'births', offset: 18 },
      align: { value: 'center' },
      text: { field: 'holiday' },
      fontWeight: { value: 'bold' },
    },
  },
}
