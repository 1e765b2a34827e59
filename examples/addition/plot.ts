import { type Config, type Mark, parse, type Spec, View } from 'vega'
import type { Accuracy } from './model.ts'

const KINDS = ['characters', 'whole answers']
const COLOURS = ['#e8590c', '#4c6ef5']
const [WIDTH, HEIGHT] = [860, 360]
/** The end of the logarithmic axis: less than this wrong is drawn here. */
const LEAST = 5e-4
const TICKS = [1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001]
const FONT = 'Helvetica Neue, Helvetica, Arial, sans-serif'
const INK = '#343a40'
const PALE = '#868e96'

/** Draws the validation accuracy of each seed's run against the epoch. Returns SVG. */
export function plotCurves(seeds: readonly number[], runs: readonly Accuracy[][], goal: number): Promise<string> {
  const rows = runs.flatMap((history, run) =>
    history.flatMap(({ character, answer }, epoch) =>
      [character, answer].map((share, kind) => ({
        kind: KINDS[kind],
        line: `${kind} ${seeds[run]}`,
        epoch: epoch + 1,
        wrong: Math.max(1 - share, LEAST),
      })),
    ),
  )
  const subtitle = `Share right on held-out pairs (validation part) after each epoch; one line per seed (${seeds.join(', ')})`
  return new View(parse(figure(rows, subtitle, goal), config), { renderer: 'none' }).toSVG()
}

function figure(values: object[], subtitle: string, goal: number): Spec {
  return {
    width: WIDTH,
    height: HEIGHT,
    padding: 20,
    background: 'white',
    title: { text: 'One LSTM layer of 128 learns to add numbers below 100', subtitle },
    data: [{ name: 'values', values }],
    scales: [
      { name: 'x', type: 'linear', domain: { data: 'values', field: 'epoch' }, range: 'width', zero: false },
      { name: 'y', type: 'log', domain: [1, LEAST], range: 'height' },
      { name: 'colour', type: 'ordinal', domain: KINDS, range: COLOURS },
    ],
    axes: [
      {
        orient: 'left',
        scale: 'y',
        grid: true,
        values: TICKS,
        encode: { labels: { update: { text: { signal: "format(1 - datum.value, '~%')" } } } },
        title: 'accuracy (by the logarithm of the error)',
        titlePadding: 12,
      },
      { orient: 'bottom', scale: 'x', title: 'epoch', titlePadding: 10, format: 'd', tickMinStep: 1 },
    ],
    legends: [{ stroke: 'colour', symbolType: 'stroke', orient: 'top', direction: 'horizontal' }],
    marks: [...goalLine(goal), curves],
  }
}

const curves: Mark = {
  type: 'group',
  from: { facet: { name: 'series', data: 'values', groupby: 'line' } },
  marks: [
    {
      type: 'line',
      from: { data: 'series' },
      encode: {
        enter: {
          x: { scale: 'x', field: 'epoch' },
          y: { scale: 'y', field: 'wrong' },
          stroke: { scale: 'colour', field: 'kind' },
          strokeWidth: { value: 1.75 },
          strokeJoin: { value: 'round' },
        },
      },
    },
  ],
}

function goalLine(goal: number): Mark[] {
  const y = { scale: 'y', value: 1 - goal }
  const label = {
    x: { value: 6 },
    y,
    dy: { value: -6 },
    text: { value: `goal: ${100 * goal} % of characters` },
    fill: { value: PALE },
  }
  return [
    {
      type: 'rule',
      encode: { enter: { x2: { value: WIDTH }, y, stroke: { value: PALE }, strokeDash: { value: [4, 3] } } },
    },
    { type: 'text', encode: { enter: label } },
  ]
}

const config: Config = {
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
  text: { font: FONT, fontSize: 12 },
}
