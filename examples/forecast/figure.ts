import type { Mark, Spec } from 'vega'
import { COLOURS, DASHES, MARGIN, PALE, THICKNESSES, WIDTH } from './style.ts'

/** The name of the first series: what the others forecast. */
export const TRUTH = 'counted'

/**
 * The figure as a Vega specification: the series named in `names` (the truth first) above, the errors below.
 * @param values one row per series and day: name, day (ms, UTC), births and error in thousands
 * @param days one row per day: day, next (ms, UTC), births, holiday (a name or undefined), weekend
 */
export function figure(names: string[], values: object[], days: object[]): Spec {
  return {
    width: WIDTH,
    padding: 20,
    background: 'white',
    layout: { columns: 1, padding: { row: 28 } },
    title: {
      text: 'Births in the United States: forecast on the eve, and counted',
      subtitle:
        'The last weeks of the test part, used neither for training nor for picking the epoch. Weekends are shaded.',
    },
    data: [
      { name: 'values', values },
      {
        name: 'errors',
        source: 'values',
        transform: [{ type: 'filter', expr: `datum.name !== '${TRUTH}'` }],
      },
      { name: 'days', values: days },
      { name: 'weekends', source: 'days', transform: [{ type: 'filter', expr: 'datum.weekend' }] },
      { name: 'holidays', source: 'days', transform: [{ type: 'filter', expr: 'datum.holiday' }] },
    ],
    scales: [
      { name: 'x', type: 'utc', domain: { data: 'values', field: 'day' }, range: [MARGIN, WIDTH - MARGIN] },
      { name: 'colour', type: 'ordinal', domain: names, range: COLOURS },
      { name: 'dash', type: 'ordinal', domain: names, range: DASHES },
      { name: 'thickness', type: 'ordinal', domain: names, range: THICKNESSES },
    ],
    legends: [
      {
        stroke: 'colour',
        strokeDash: 'dash',
        strokeWidth: 'thickness',
        symbolType: 'stroke',
        orient: 'top',
        direction: 'horizontal',
      },
    ],
    marks: [
      panel({ field: 'births', data: 'values', title: 'births per day (thousands)', height: 320 }, holidayLabels),
      panel({ field: 'error', data: 'errors', title: 'error (thousands)', height: 140 }, []),
    ],
  }
}

function panel(
  { field, data, title, height }: Record<'field' | 'data' | 'title', string> & { height: number },
  labels: Mark[],
): Mark {
  return {
    type: 'group',
    encode: { enter: { width: { value: WIDTH }, height: { value: height } } },
    scales: [{ name: 'y', type: 'linear', domain: { data, field }, range: [height, 0], nice: true, zero: false }],
    axes: [
      {
        orient: 'left',
        scale: 'y',
        domain: false,
        ticks: false,
        labelPadding: 8,
        gridColor: '#e9ecef',
        title,
        titlePadding: 12,
        grid: true,
        tickCount: height / 40,
      },
      {
        orient: 'bottom',
        scale: 'x',
        domain: false,
        format: '%b %-d',
        tickCount: { interval: 'week', step: 1 },
      },
    ],
    marks: [weekendShades(height), lines(field, data), ...labels],
  }
}

function weekendShades(height: number): Mark {
  const x = (field: string) => ({ scale: 'x', field, offset: -MARGIN })
  const enter = {
    x: x('day'),
    x2: x('next'),
    y: { value: 0 },
    y2: { value: height },
    fill: { value: '#f1f3f5' },
  }
  return { type: 'rect', from: { data: 'weekends' }, encode: { enter } }
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

/** The name of each great holiday at the top of the panel, over a rule that leads down to its day. */
const holidayLabels: Mark[] = [
  {
    type: 'rule',
    from: { data: 'holidays' },
    encode: {
      enter: {
        x: { scale: 'x', field: 'day' },
        y: { value: 26 },
        y2: { scale: 'y', field: 'births', offset: -6 },
        stroke: { value: PALE },
        strokeDash: { value: [1, 3] },
      },
    },
  },
  {
    type: 'text',
    from: { data: 'holidays' },
    encode: {
      enter: {
        x: { scale: 'x', field: 'day' },
        y: { value: 20 },
        align: { value: 'center' },
        text: { field: 'holiday' },
      },
    },
  },
]
