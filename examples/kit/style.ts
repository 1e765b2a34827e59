/** How every figure looks: fonts, colours, and the way from a Vega specification to SVG. */
import { type Config, parse, type Spec, textMetrics, View } from 'vega'

const FONT = 'Helvetica Neue, Helvetica, Arial, sans-serif'
export const INK = '#343a40'
export const PALE = '#868e96'
/** Grid lines, and areas behind the data. */
export const FAINT = '#e9ecef'

/** For lines on white: apart in hue, and dark enough to be thin. */
export const COLOURS = {
  black: '#212529',
  grey: '#868e96',
  silver: '#ced4da',
  orange: '#e8590c',
  blue: '#4c6ef5',
  green: '#2b8a3e',
  red: '#c92a2a',
  purple: '#ae3ec9',
  cyan: '#15aabf',
} as const

const config: Config = {
  background: 'white',
  padding: 20,
  title: {
    font: FONT,
    color: INK,
    fontSize: 18,
    anchor: 'start',
    offset: 16,
    subtitleFont: FONT,
    subtitleColor: PALE,
    subtitleFontSize: 12,
    subtitlePadding: 5,
  },
  axis: {
    labelFont: FONT,
    labelColor: INK,
    labelFontSize: 12,
    labelPadding: 8,
    titleFont: FONT,
    titleColor: INK,
    titleFontSize: 12,
    titleFontWeight: 'normal',
    titlePadding: 12,
    gridColor: FAINT,
    domain: false,
    ticks: false,
  },
  legend: {
    labelFont: FONT,
    labelColor: INK,
    labelFontSize: 13,
    labelLimit: 0,
    titleFont: FONT,
    titleColor: INK,
    titleFontSize: 12,
    titleFontWeight: 'normal',
    titleLimit: 0,
    symbolSize: 700,
    columnPadding: 16,
  },
  text: { font: FONT, fontSize: 12, fill: INK },
}

/** Vega exports this for hosts without a canvas, but has no types for it. */
declare module 'vega' {
  export const textMetrics: { width(item: { readonly fontSize?: number }, text: unknown): number }
}

/** Of a letter, in units of the font's size: the mean of usual fonts. Vega's own guess, 0.8, leaves gaps in legends. */
const LETTER_WIDTH = 0.6
textMetrics.width = ({ fontSize = 11 }, text) => LETTER_WIDTH * fontSize * String(text ?? '').length

/** Draws a figure. Returns SVG. */
export const render = (spec: Spec): Promise<string> => new View(parse(spec, config), { renderer: 'none' }).toSVG()
