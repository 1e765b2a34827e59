import type { Config } from 'vega'

const FONT = 'Helvetica Neue, Helvetica, Arial, sans-serif'
export const INK = '#343a40'
const PALE = '#868e96'

export const config: Config = {
  title: {
    font: FONT,
    color: INK,
    fontSize: 18,
    anchor: 'start',
    offset: 14,
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
    gridColor: '#e9ecef',
    domain: false,
    ticks: false,
    labelPadding: 8,
  },
  legend: { labelFont: FONT, labelColor: INK, labelFontSize: 13, symbolSize: 700, columnPadding: 24 },
  text: { font: FONT, fontSize: 12, fill: INK },
}
