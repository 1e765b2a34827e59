import type { Mark, Spec } from 'vega'
import { drawLines } from '../kit/lines.ts'
import { COLOURS, render } from '../kit/style.ts'
import type { Cell, Part } from './measure.ts'

const SIZE = 240
const COLUMNS = 4
/** Powers of ten at which the colours stand. */
const POWERS = [-8, -3, 0, 2] as const
const HUES = ['#0b1f4b', '#2b8a9d', '#ffe8b3', '#c92a2a']
/** Neighbours overlap by so many pixels, lest the background shine through. */
const SEAM = 0.5

/** A heat map for each net: the loss's step upward, the state's step to the right. Returns SVG. */
export function plotFlow(cells: readonly Cell[], steps: number, every: number): Promise<string> {
  const values = cells.map(({ share, ...cell }) => ({ ...cell, power: share > 0 ? Math.log10(share) : POWERS[0] }))
  return render(figure(values, steps, every))
}

function figure(values: object[], steps: number, every: number): Spec {
  return {
    title: {
      text: 'How far back a loss is heard',
      subtitle:
        'Norm of the gradient of the loss at one step by the state at another, as a share of what enters; untrained nets',
    },
    layout: { columns: COLUMNS, padding: { row: 50, column: 30 }, bounds: 'full', align: 'all' },
    data: [{ name: 'cells', values }],
    scales: [{ name: 'colour', type: 'linear', domain: [...POWERS], range: HUES, clamp: true }],
    legends: [
      {
        fill: 'colour',
        type: 'gradient',
        orient: 'bottom',
        direction: 'horizontal',
        gradientLength: 300,
        title: 'power of ten of the share',
        values: [-8, -6, -4, -2, 0, 2],
      },
    ],
    marks: [heatMaps(steps, every)],
  }
}

function heatMaps(steps: number, every: number): Mark {
  const domain = [0, steps]
  return {
    type: 'group',
    from: { facet: { name: 'net', data: 'cells', groupby: 'net' } },
    title: { text: { signal: 'parent.net' }, frame: 'group', fontSize: 13, offset: 8 },
    encode: { enter: { width: { value: SIZE }, height: { value: SIZE } } },
    scales: [
      { name: 'x', type: 'linear', domain, range: [0, SIZE] },
      { name: 'y', type: 'linear', domain, range: [SIZE, 0] },
    ],
    axes: [
      { orient: 'bottom', scale: 'x', tickCount: 4, title: 'step of the state' },
      { orient: 'left', scale: 'y', tickCount: 4, title: 'step of the loss' },
    ],
    marks: [cellsOf(every)],
  }
}

function cellsOf(every: number): Mark {
  const enter = {
    x: { scale: 'x', signal: 'datum.step - 1' },
    x2: { scale: 'x', field: 'step', offset: SEAM },
    y: { scale: 'y', signal: `datum.loss - ${every}`, offset: SEAM },
    y2: { scale: 'y', field: 'loss' },
    fill: { scale: 'colour', field: 'power' },
  }
  return { type: 'rect', from: { data: 'net' }, encode: { enter } }
}

/** Parts below this are not drawn: float32 keeps no more of a sum. */
const LEAST_PART = 1e-9

/** A line for each net: how much the paths of each lag bring. Returns SVG. */
export function plotLags(parts: readonly Part[]): Promise<string> {
  const { grey, black, red, orange, green, blue, cyan, purple } = COLOURS
  const hues = [grey, black, red, orange, green, blue, cyan, purple]
  const nets = [...new Set(parts.map(({ net }) => net))]
  return drawLines({
    title: 'A gradient by lag',
    subtitle: 'Norm of what paths of so many transitions bring to the recurrent weights, as a share of lag 0',
    looks: nets.map((name, i) => ({ name, colour: hues[i]! })),
    legend: 'right',
    panels: [
      {
        width: 640,
        height: 360,
        x: { title: 'lag, steps', format: 'd' },
        y: { title: 'share', type: 'log' },
        lines: nets.map((name) => ({
          name,
          points: parts
            .filter(({ net, share }) => net === name && share > LEAST_PART)
            .map(({ lag, share }) => ({ x: lag, y: share })),
        })),
      },
    ],
  })
}
