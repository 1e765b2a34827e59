/** Lines in panels side by side: every figure of this example is one of these. */
import { type Axis, type Mark, parse, type Scale, type Spec, View } from 'vega'
import { config, INK } from '../digits/style.ts'

const [WIDTH, HEIGHT] = [380, 320]

export interface Point {
  readonly x: number
  readonly y: number
}

/** What the legend names: several lines may share a name, and are drawn alike. */
export interface Look {
  readonly name: string
  readonly colour: string
  readonly dash?: readonly number[]
}

export interface Line {
  /** The name of its look. */
  readonly name: string
  readonly points: readonly Point[]
  /** Dots at the points instead of a line between them. */
  readonly dots?: boolean
}

export interface AxisOf {
  readonly title: string
  readonly type?: 'linear' | 'log'
  /** What lies outside is clipped; all of the data if left out. */
  readonly domain?: readonly [number, number]
  readonly format?: string
}

export interface Panel {
  readonly title: string
  readonly x: AxisOf
  readonly y: AxisOf
  readonly lines: readonly Line[]
}

export interface Figure {
  readonly title: string
  readonly subtitle: string | string[]
  readonly looks: readonly Look[]
  readonly panels: readonly Panel[]
  /** Panels in a row; all if left out. */
  readonly columns?: number
}

/** Draws the figure. Returns SVG. */
export function plot(figure: Figure): Promise<string> {
  return new View(parse(specOf(figure), config), { renderer: 'none' }).toSVG()
}

function specOf({ title, subtitle, looks, panels, columns }: Figure): Spec {
  const names = looks.map(({ name }) => name)
  return {
    padding: 20,
    background: 'white',
    layout: { columns: columns ?? panels.length, padding: { column: 90, row: 90 }, bounds: 'flush' },
    title: { text: title, subtitle: subtitle as string },
    scales: [
      { name: 'colour', type: 'ordinal', domain: names, range: looks.map(({ colour }) => colour) },
      { name: 'dash', type: 'ordinal', domain: names, range: looks.map(({ dash }) => [...(dash ?? [1, 0])]) },
    ],
    legends: [
      { stroke: 'colour', strokeDash: 'dash', symbolType: 'stroke', symbolStrokeWidth: 2, orient: 'top', direction: 'horizontal', gridAlign: 'none', labelLimit: 0 }, // prettier-ignore
    ],
    marks: panels.map(panelOf),
  }
}

function panelOf({ title, x, y, lines }: Panel): Mark {
  const values = lines.flatMap(({ name, points, dots = false }, line) =>
    points.map((point) => ({ ...point, name, line, dots })),
  )
  return {
    type: 'group',
    encode: { enter: { width: { value: WIDTH }, height: { value: HEIGHT } } },
    data: [
      { name: 'lines', values: values.filter(({ dots }) => !dots) },
      { name: 'dots', values: values.filter(({ dots }) => dots) },
    ],
    scales: [scaleOf('x', x, [0, WIDTH], values), scaleOf('y', y, [HEIGHT, 0], values)],
    axes: [axisOf('left', 'y', y, values), axisOf('bottom', 'x', x, values)],
    marks: [heading(title), { ...inside, clip: x.domain !== undefined || y.domain !== undefined }],
  }
}

const heading = (text: string): Mark => ({
  type: 'text',
  encode: {
    enter: { y: { value: -14 }, text: { value: text }, fontSize: { value: 13 }, fontWeight: { value: 'bold' } },
  },
})

function scaleOf(name: 'x' | 'y', axis: AxisOf, range: number[], values: readonly Point[]): Scale {
  const all = values.map((point) => point[name])
  if (axis.type === 'log') {
    const powers = powersIn(all)
    return { name, type: 'log', domain: [powers[0]!, powers.at(-1)!], range }
  }
  const domain = axis.domain ?? [Math.min(...all), Math.max(...all)]
  return { name, type: 'linear', domain: [...domain], range, zero: false, nice: axis.domain === undefined }
}

function axisOf(orient: 'left' | 'bottom', scale: 'x' | 'y', axis: AxisOf, values: readonly Point[]): Axis {
  const { title, format } = axis
  const ticks = axis.type === 'log' ? { values: powersIn(values.map((point) => point[scale])) } : { tickCount: 5 }
  const gridScale = scale === 'x' ? 'y' : 'x'
  return { orient, scale, title, titlePadding: 10, grid: true, gridScale, ...ticks, ...(format && { format }) }
}

/** Powers of ten that span the values, some eight of them at most; of 2 where there are fewer than three decades. */
function powersIn(values: readonly number[]): number[] {
  const [least, most] = [Math.min(...values), Math.max(...values)]
  const base = most / least < 1000 ? 2 : 10
  const power = (x: number) => Math.log(x) / Math.log(base)
  const every = Math.ceil((power(most) - power(least)) / 8)
  const [from, to] = [Math.floor(power(least) / every), Math.ceil(power(most) / every)]
  return Array.from({ length: to - from + 1 }, (_, i) => base ** ((from + i) * every))
}

const curves: Mark = {
  type: 'group',
  from: { facet: { name: 'series', data: 'lines', groupby: 'line' } },
  marks: [
    {
      type: 'line',
      from: { data: 'series' },
      encode: {
        enter: {
          x: { scale: 'x', field: 'x' },
          y: { scale: 'y', field: 'y' },
          stroke: { scale: 'colour', field: 'name' },
          strokeDash: { scale: 'dash', field: 'name' },
          strokeWidth: { value: 2 },
          strokeJoin: { value: 'round' },
        },
      },
    },
  ],
}

const dots: Mark = {
  type: 'symbol',
  from: { data: 'dots' },
  encode: {
    enter: {
      x: { scale: 'x', field: 'x' },
      y: { scale: 'y', field: 'y' },
      fill: { scale: 'colour', field: 'name' },
      stroke: { value: INK },
      strokeWidth: { value: 0 },
      size: { value: 20 },
    },
  },
}

const inside: Mark = {
  type: 'group',
  encode: { enter: { width: { value: WIDTH }, height: { value: HEIGHT } } },
  marks: [curves, dots],
}
