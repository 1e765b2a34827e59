import { type Config, type Mark, parse, type Spec, type Title, View } from 'vega'
import type { Experiment } from './experiments.ts'
import type { Run } from './report.ts'
import { INTERVAL } from './training.ts'

const COLOURS: Record<string, string> = {
  'tanh RNN': '#868e96',
  'LSTM, window 8': '#e8590c',
  IRNN: '#e8590c',
  'orthogonal RNN': '#e8590c',
  LSTM: '#4c6ef5',
  GRU: '#099268',
  'LSTM, window 24': '#4c6ef5',
}
const [WIDTH, HEIGHT] = [860, 300]
/** The axis in shares of the baseline: what lies beyond is drawn at its ends. */
const [LEAST, MOST] = [1 / 300, 5]
const FONT = 'Helvetica Neue, Helvetica, Arial, sans-serif'
const INK = '#343a40'
const PALE = '#868e96'

export interface Panel {
  readonly experiment: Experiment
  readonly runs: readonly Run[]
}

/** Draws the loss of each run against the step, a panel for each experiment. Returns SVG. */
export function plotCurves(title: string, panels: readonly Panel[]): Promise<string> {
  const names = [...new Set(panels.flatMap(({ runs }) => runs.map(({ name }) => name)))]
  const seeds = [...new Set(panels.flatMap(({ runs }) => runs.map(({ seed }) => seed)))]
  const subtitle = `Loss on new sequences while training (mean of ${INTERVAL} steps); one line per seed (${seeds.join(', ')})`
  return new View(parse(figure(panels, names, { text: title, subtitle }), config), { renderer: 'none' }).toSVG()
}

function figure(panels: readonly Panel[], names: string[], title: Title): Spec {
  return {
    padding: 20,
    background: 'white',
    layout: { columns: 1, padding: { row: 24 } },
    title,
    scales: [{ name: 'colour', type: 'ordinal', domain: names, range: names.map((name) => COLOURS[name]!) }],
    legends: [{ stroke: 'colour', symbolType: 'stroke', orient: 'top', direction: 'horizontal' }],
    marks: panels.map(panel),
  }
}

function panel({ experiment, runs }: Panel): Mark {
  const { baseline } = experiment.problem
  const domain = [LEAST * baseline, MOST * baseline]
  const values = runs.flatMap(({ name, seed, curve }) =>
    curve.map((loss, i) => ({
      name,
      line: `${name} ${seed}`,
      step: (i + 1) * INTERVAL,
      loss: Math.min(Math.max(loss, domain[0]!), domain[1]!),
    })),
  )
  return {
    type: 'group',
    encode: { enter: { width: { value: WIDTH }, height: { value: HEIGHT } } },
    title: { text: experiment.title, fontSize: 13, anchor: 'start', frame: 'group', offset: 8 },
    data: [{ name: 'values', values }],
    scales: [
      { name: 'x', type: 'linear', domain: { data: 'values', field: 'step' }, range: [0, WIDTH], zero: true },
      { name: 'y', type: 'log', domain, range: [HEIGHT, 0] },
    ],
    axes: [
      {
        orient: 'left',
        scale: 'y',
        grid: true,
        gridScale: 'x',
        tickCount: 6,
        format: '~g',
        title: 'loss',
        titlePadding: 12,
      },
      { orient: 'bottom', scale: 'x', title: 'step', titlePadding: 8, format: 'd' },
    ],
    marks: [...baselineRule(baseline), curves],
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
          x: { scale: 'x', field: 'step' },
          y: { scale: 'y', field: 'loss' },
          stroke: { scale: 'colour', field: 'name' },
          strokeWidth: { value: 1.75 },
          strokeJoin: { value: 'round' },
        },
      },
    },
  ],
}

/** The loss of who remembers nothing, its name above the right end. */
function baselineRule(baseline: number): Mark[] {
  const y = { scale: 'y', value: baseline }
  const label = {
    x: { value: WIDTH },
    y,
    dy: { value: -8 },
    align: { value: 'right' },
    text: { value: `baseline: nothing remembered, ${baseline.toFixed(4)}` },
    fill: { value: INK },
  } as const
  return [
    {
      type: 'rule',
      encode: { enter: { x2: { value: WIDTH }, y, stroke: { value: INK }, strokeDash: { value: [4, 3] } } },
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
