import { type Config, type Spec, View, parse } from 'vega'
import type { Cell, Part } from './measure.ts'

const SIZE = 240
const COLUMNS = 4
/** Powers of ten at which the colours stand. */
const POWERS = [-8, -3, 0, 2] as const
const FONT = 'Helvetica Neue, Helvetica, Arial, sans-serif'
const INK = '#343a40'
const PALE = '#868e96'

/** A heat map for each net: the loss's step upward, the state's step to the right. Returns SVG. */
export function plotFlow(cells: readonly Cell[], steps: number, every: number): Promise<string> {
  const values = cells.map(({ share, ...cell }) => ({ ...cell, power: share > 0 ? Math.log10(share) : POWERS[0] }))
  return new View(parse(figure(values, steps, every), config), { renderer: 'none' }).toSVG()
}

function figure(values: object[], steps: number, every: number): Spec {
  return {
    padding: 20,
    background: 'white',
    title: {
      text: 'How far back a loss is heard',
      subtitle:
        'Norm of the gradient of the loss at one step by the state at another, as a share of what enters; untrained nets',
    },
    layout: { columns: COLUMNS, padding: { row: 50, column: 30 }, bounds: 'full', align: 'all' },
    data: [{ name: 'cells', values }],
    scales: [
      {
        name: 'colour',
        type: 'linear',
        domain: [...POWERS],
        range: ['#0b1f4b', '#2b8a9d', '#ffe8b3', '#c92a2a'],
        clamp: true,
      },
    ],
    legends: [
      {
        fill: 'colour',
        type: 'gradient',
        orient: 'bottom',
        direction: 'horizontal',
        gradientLength: 300,
        title: 'power of ten of the share',
        titleLimit: 0,
        values: [-8, -6, -4, -2, 0, 2],
      },
    ],
    marks: [
      {
        type: 'group',
        from: { facet: { name: 'net', data: 'cells', groupby: 'net' } },
        title: { text: { signal: 'parent.net' }, frame: 'group', fontSize: 14, offset: 8 },
        encode: { update: { width: { value: SIZE }, height: { value: SIZE } } },
        scales: [
          { name: 'x', type: 'linear', domain: [0, steps], range: [0, SIZE] },
          { name: 'y', type: 'linear', domain: [0, steps], range: [SIZE, 0] },
        ],
        axes: [
          { orient: 'bottom', scale: 'x', tickCount: 4, title: 'step of the state' },
          { orient: 'left', scale: 'y', tickCount: 4, title: 'step of the loss' },
        ],
        marks: [
          {
            type: 'rect',
            from: { data: 'net' },
            encode: {
              update: {
                x: { scale: 'x', signal: 'datum.step - 1' },
                x2: { scale: 'x', field: 'step' },
                y: { scale: 'y', signal: `datum.loss - ${every}` },
                y2: { scale: 'y', field: 'loss' },
                fill: { scale: 'colour', field: 'power' },
              },
            },
          },
        ],
      },
    ],
  }
}

/** A line for each net: how much the paths of each lag bring. Returns SVG. */
export function plotLags(parts: readonly Part[]): Promise<string> {
  const values = parts.filter(({ share }) => share > LEAST_PART)
  return new View(parse(lagFigure(values, [...new Set(parts.map(({ net }) => net))]), config), {
    renderer: 'none',
  }).toSVG()
}

/** Parts below this are not drawn: float32 keeps no more of a sum. */
const LEAST_PART = 1e-9
const COLOURS = ['#868e96', '#212529', '#c92a2a', '#e8590c', '#2b8a3e', '#4c6ef5', '#15aabf', '#ae3ec9']

function lagFigure(values: object[], nets: string[]): Spec {
  return {
    width: 640,
    height: 360,
    padding: 20,
    background: 'white',
    title: {
      text: 'A gradient by lag',
      subtitle: 'Norm of what paths of so many transitions bring to the recurrent weights, as a share of lag 0',
    },
    data: [{ name: 'parts', values }],
    scales: [
      { name: 'x', type: 'linear', domain: { data: 'parts', field: 'lag' }, range: 'width' },
      { name: 'y', type: 'log', domain: { data: 'parts', field: 'share' }, range: 'height', nice: true },
      { name: 'colour', type: 'ordinal', domain: nets, range: COLOURS },
    ],
    axes: [
      { orient: 'left', scale: 'y', grid: true, title: 'share', tickCount: 7, format: '.0e' },
      { orient: 'bottom', scale: 'x', title: 'lag' },
    ],
    legends: [{ stroke: 'colour', symbolType: 'stroke', symbolSize: 400, orient: 'right', labelLimit: 0 }],
    marks: [
      {
        type: 'group',
        from: { facet: { name: 'net', data: 'parts', groupby: 'net' } },
        marks: [
          {
            type: 'line',
            from: { data: 'net' },
            encode: {
              update: {
                x: { scale: 'x', field: 'lag' },
                y: { scale: 'y', field: 'share' },
                stroke: { scale: 'colour', field: 'net' },
                strokeWidth: { value: 2 },
              },
            },
          },
        ],
      },
    ],
  }
}

const config: Config = {
  title: { font: FONT, color: INK, fontSize: 18, anchor: 'start', offset: 20, subtitleFont: FONT, subtitleColor: PALE },
  axis: { labelFont: FONT, titleFont: FONT, labelColor: INK, titleColor: INK, titleFontWeight: 'normal' },
  legend: { labelFont: FONT, titleFont: FONT, labelColor: INK, titleColor: INK, titleFontWeight: 'normal' },
}
