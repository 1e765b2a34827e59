import { type Mark, parse, type Spec, View } from 'vega'
import type { Experiment } from './readings.ts'
import type { Run } from './report.ts'
import { config } from './style.ts'

const COLOURS = ['#868e96', '#e8590c', '#4c6ef5']
const [WIDTH, HEIGHT] = [420, 320]

interface Panel {
  readonly experiment: Experiment
  readonly runs: readonly Run[]
}

/** Draws the validation accuracy of each run against the epoch, the readings side by side. Returns SVG. */
export function plotCurves(panels: readonly Panel[]): Promise<string> {
  return new View(parse(figure(panels), config), { renderer: 'none' }).toSVG()
}

function figure(panels: readonly Panel[]): Spec {
  const names = panels[0]!.experiment.contestants.map(({ name }) => name)
  return {
    padding: 20,
    background: 'white',
    layout: { columns: panels.length, padding: { column: 40 } },
    title: {
      text: 'Handwritten digits of 14 x 14 pixels, read in order',
      subtitle: 'Share of the validation part read rightly, after each epoch; one line per seed',
    },
    scales: [{ name: 'colour', type: 'ordinal', domain: names, range: COLOURS }],
    legends: [{ stroke: 'colour', symbolType: 'stroke', orient: 'top', direction: 'horizontal' }],
    marks: panels.map(panel),
  }
}

function panel({ experiment: { reading }, runs }: Panel): Mark {
  const values = runs.flatMap(({ name, seed, history }) =>
    history.map((accuracy, epoch) => ({ name, line: `${name} ${seed}`, epoch: epoch + 1, accuracy })),
  )
  return {
    type: 'group',
    encode: { enter: { width: { value: WIDTH }, height: { value: HEIGHT } } },
    title: {
      text: `${reading.name}: ${reading.steps} steps of ${reading.inputs}`,
      fontSize: 13,
      anchor: 'start',
      offset: 8,
    },
    data: [{ name: 'values', values }],
    scales: [
      { name: 'x', type: 'linear', domain: { data: 'values', field: 'epoch' }, range: [0, WIDTH], zero: false },
      { name: 'y', type: 'linear', domain: [0, 1], range: [HEIGHT, 0] },
    ],
    axes: [
      {
        orient: 'left',
        scale: 'y',
        grid: true,
        gridScale: 'x',
        format: '~%',
        tickCount: 5,
        title: 'accuracy',
        titlePadding: 10,
      },
      { orient: 'bottom', scale: 'x', title: 'epoch', titlePadding: 8, format: 'd', tickMinStep: 1 },
    ],
    marks: [curves],
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
          y: { scale: 'y', field: 'accuracy' },
          stroke: { scale: 'colour', field: 'name' },
          strokeWidth: { value: 1.75 },
          strokeJoin: { value: 'round' },
        },
      },
    },
  ],
}
