import type { Config } from 'vega'

export const COLOURS = ['#212529', '#e8590c', '#4c6ef5'] // the truth, then the forecasts
export const THICKNESSES = [2.5, 2, 1.25]
export const DASHES = [
  [1, 0],
  [1, 0],
  [4, 3],
]

export const WIDTH = 920
export const MARGIN = 10 // pixels, half a day: the first and last day stand clear of the frame
const FONT = 'Helvetica Neue, Helvetica, Arial, sans-serif'
const INK = '#343a40'
export const PALE = '#868e96'

export const config: Config = {
  title: {
    font: FONT,
    color: INK,
    fontSize: 18,
    anchor: 'start',
    offset: 16,
    subtitleFont: FONT,
    subtitleColor: PALE,
  },
  axis: {
    labelFont: FONT,
    titleFont: FONT,
    labelColor: INK,
    titleColor: INK,
    labelFontSize: 12,
    titleFontSize: 12,
  },
  legend: {
    labelFont: FONT,
    labelColor: INK,
    labelFontSize: 13,
    symbolSize: 700,
    labelLimit: 0,
    columnPadding: 24,
  },
  text: { font: FONT, fontSize: 12, fill: INK },
}
