/** What a panel of a line chart is made of. Numbers go through the panel's scales `x` and `y`; width and height are in pixels. */
import type { Mark } from 'vega'
import { FAINT, PALE } from './style.ts'

const DOTTED = { value: [1, 3] }
const DASHED = { value: [4, 3] }

/** How a line is drawn; what the legend names. */
export interface Look {
  readonly name: string
  readonly colour: string
  /** Pixels drawn and left out in turn. */
  readonly dash?: readonly number[]
  readonly width?: number
}

/** A number that the data are held against. */
export interface Level {
  readonly y: number
  readonly text: string
  /** Where the text stands: where the curves are not. */
  readonly side?: 'left' | 'right'
}

/** A stretch of the x axis that is told from the rest. */
export interface Shade {
  readonly from: number
  readonly to: number
}

/** A name for a point, written above the panel. */
export interface Note {
  readonly x: number
  readonly y: number
  readonly text: string
}

/** A line through the points of a data source with the fields x and y. */
export function curve(data: string, { colour, dash, width }: Required<Look>): Mark {
  const enter = {
    x: { scale: 'x', field: 'x' },
    y: { scale: 'y', field: 'y' },
    stroke: { value: colour },
    strokeDash: { value: [...dash] },
    strokeWidth: { value: width },
    strokeJoin: { value: 'round' as const },
  }
  return { type: 'line', from: { data }, encode: { enter } }
}

export function dots(data: string, { colour }: Look): Mark {
  const enter = {
    x: { scale: 'x', field: 'x' },
    y: { scale: 'y', field: 'y' },
    fill: { value: colour },
    size: { value: 20 },
  }
  return { type: 'symbol', from: { data }, encode: { enter } }
}

/** The panel's name above its left end. */
export function heading(text: string): Mark {
  const enter = {
    y: { value: -14 },
    text: { value: text },
    fontSize: { value: 13 },
    fontWeight: { value: 'bold' as const },
  }
  return { type: 'text', encode: { enter } }
}

/** A dashed line all across. */
export function levelLine({ y }: Level, width: number): Mark {
  const enter = { x2: { value: width }, y: { scale: 'y', value: y }, stroke: { value: PALE }, strokeDash: DASHED }
  return { type: 'rule', encode: { enter } }
}

/** What the line says, over one end of it, with a halo that keeps curves away. */
export function levelText({ y, text, side = 'left' }: Level, width: number): Mark[] {
  const label = {
    x: { value: side === 'left' ? 6 : width - 6 },
    y: { scale: 'y', value: y },
    dy: { value: -6 },
    align: { value: side },
    text: { value: text },
  }
  const stroke = { stroke: { value: 'white' }, strokeWidth: { value: 4 }, strokeJoin: { value: 'round' as const } }
  return [
    { type: 'text', encode: { enter: { ...label, ...stroke } } },
    { type: 'text', encode: { enter: label } },
  ]
}

export function shade({ from, to }: Shade, height: number): Mark {
  const enter = {
    x: { scale: 'x', value: from },
    x2: { scale: 'x', value: to },
    y: { value: 0 },
    y2: { value: height },
    fill: { value: FAINT },
    fillOpacity: { value: 0.6 },
  }
  return { type: 'rect', encode: { enter } }
}

/** The text, and a dotted line that leads down to the point. */
export function note({ x, y, text }: Note): Mark[] {
  const place = { scale: 'x', value: x }
  const rule = {
    x: place,
    y: { value: 0 },
    y2: { scale: 'y', value: y, offset: -6 },
    stroke: { value: PALE },
    strokeDash: DOTTED,
  }
  const label = { x: place, y: { value: -6 }, align: { value: 'center' as const }, text: { value: text } }
  return [
    { type: 'rule', encode: { enter: rule } },
    { type: 'text', encode: { enter: label } },
  ]
}
