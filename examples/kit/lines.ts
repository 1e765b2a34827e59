/** Line charts: panels under one legend, described by plain data. */
import type { Legend, Mark, Scale } from 'vega'
import { type Axis, axisOf, isExceeded, scaleOf } from './axes.ts'
import {
  curve,
  dots,
  heading,
  type Level,
  levelLine,
  levelText,
  type Look,
  type Note,
  note,
  type Shade,
  shade,
} from './marks.ts'
import { render } from './style.ts'

export interface Figure {
  readonly title: string
  /** One line of text, or several. */
  readonly subtitle: string | readonly string[]
  /** The legend's entries. Several lines may share one. */
  readonly looks: readonly Look[]
  readonly legend?: 'top' | 'right'
  readonly panels: readonly Panel[]
  /** Panels in a row; all if left out. */
  readonly columns?: number
}

export interface Panel {
  readonly title?: string
  /** In pixels. */
  readonly width?: number
  readonly height?: number
  readonly x: Axis
  readonly y: Axis
  readonly lines: readonly Line[]
  readonly levels?: readonly Level[]
  readonly shades?: readonly Shade[]
  readonly notes?: readonly Note[]
}

export interface Line {
  /** The name of its look. */
  readonly name: string
  readonly points: readonly Point[]
  readonly as?: 'line' | 'dots' | 'both'
}

export interface Point {
  readonly x: number
  readonly y: number
}

const [WIDTH, HEIGHT] = [380, 320]
const SOLID = [1, 0]
const THICKNESS = 1.75
/** Room between panels in pixels: for axes, and between rows for a title. */
const [GAP, TITLE_GAP] = [65, 85]

/** Draws the figure. Returns SVG. */
export function drawLines(figure: Figure): Promise<string> {
  const { title, subtitle, legend = 'top', panels, columns = panels.length } = figure
  const looks = figure.looks.map((look) => ({ dash: SOLID, width: THICKNESS, ...look }))
  const padding = { column: TITLE_GAP, row: panels.some((panel) => panel.title) ? TITLE_GAP : GAP }
  return render({
    layout: { columns, padding, bounds: 'flush' },
    title: { text: title, subtitle: [subtitle].flat() },
    scales: scalesOf(looks),
    legends: [legendAt(legend)],
    marks: panels.map((panel) => panelOf(panel, looks)),
  })
}

function scalesOf(looks: readonly Required<Look>[]): Scale[] {
  const domain = looks.map(({ name }) => name)
  return [
    { name: 'colour', type: 'ordinal', domain, range: looks.map(({ colour }) => colour) },
    { name: 'dash', type: 'ordinal', domain, range: looks.map(({ dash }) => [...dash]) },
    { name: 'width', type: 'ordinal', domain, range: looks.map(({ width }) => width) },
  ]
}

const legendAt = (orient: 'top' | 'right'): Legend => ({
  stroke: 'colour',
  strokeDash: 'dash',
  strokeWidth: 'width',
  symbolType: 'stroke',
  orient,
  direction: orient === 'top' ? 'horizontal' : 'vertical',
  gridAlign: 'none',
})

function panelOf(panel: Panel, looks: readonly Required<Look>[]): Mark {
  const { title, width = WIDTH, height = HEIGHT, x, y, lines, levels = [], shades = [], notes = [] } = panel
  const points = lines.flatMap((line) => line.points)
  const [xs, ys] = [points.map((point) => point.x), points.map((point) => point.y)]
  const encode = { enter: { width: { value: width }, height: { value: height } } }
  const marks = lines.flatMap((line, i) => marksOf(line, sourceOf(i), looks))
  return {
    type: 'group',
    encode,
    data: lines.map((line, i) => ({ name: sourceOf(i), values: [...line.points] })),
    scales: [scaleOf('x', x, [0, width], xs), scaleOf('y', y, [height, 0], ys)],
    axes: [axisOf('y', y, ys), axisOf('x', x, xs)],
    marks: [
      ...(title ? [heading(title)] : []),
      ...shades.map((one) => shade(one, height)),
      ...levels.map((one) => levelLine(one, width)),
      { type: 'group', encode, marks, clip: isExceeded(x, xs) || isExceeded(y, ys) },
      ...levels.flatMap((one) => levelText(one, width)),
      ...notes.flatMap(note),
    ],
  }
}

const sourceOf = (line: number): string => `line ${line}`

function marksOf({ name, as = 'line' }: Line, data: string, looks: readonly Required<Look>[]): Mark[] {
  const look = looks.find((one) => one.name === name)
  if (!look) throw new Error(`a line is called ${name}; there are looks for ${looks.map((one) => one.name).join(', ')}`)
  return [...(as === 'dots' ? [] : [curve(data, look)]), ...(as === 'line' ? [] : [dots(data, look)])]
}
