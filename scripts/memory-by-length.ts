/**
 * How much memory a training step takes, by the length of its sequence and the unrolling: writes docs/figures/memory.svg and prints
 * the table of docs/unrolling.md. `node --import tsx scripts/memory-by-length.ts`
 */
import { writeFileSync } from 'node:fs'
import { type Config, type Spec, View, parse } from 'vega'
import { type ForwardOptions, LSTM, createRuntime } from '../bindings/index.ts'

const SIZES = { inputSize: 16, hiddenSize: 64 }
const BATCH = 8
const WINDOW = 256
const LENGTHS = [256, 1024, 4096, 16384]
const UNROLLINGS: Readonly<Record<string, ForwardOptions>> = {
  'whole tape': {},
  "checkpoint: 'sqrt'": { checkpoint: 'sqrt' },
}

/** Bytes that forward and backward hold beside the data: tape, outputs, gradients by states; no gradient by the input. */
async function bytesOf(steps: number, options: ForwardOptions): Promise<{ all: number; output: number }> {
  const rt = await createRuntime({ seed: 1, variant: 'simd' })
  const net = new LSTM(rt, SIZES)
  const x = rt.tensor(new Float32Array(steps * BATCH * SIZES.inputSize), [steps, BATCH, SIZES.inputSize])
  const dOutput = rt.tensor(new Float32Array(steps * BATCH * SIZES.hiddenSize), [steps, BATCH, SIZES.hiddenSize])
  const before = rt.memoryUsed
  const { output } = net.forward(x, options)
  net.backward({ output: dOutput }, { inputGradient: false })
  const result = { all: rt.memoryUsed - before, output: output.size * 4 }
  net.dispose()
  return result
}

interface Row {
  readonly unrolling: string
  readonly steps: number
  readonly megabytes: number
}

const rows: Row[] = []
for (const steps of LENGTHS) {
  for (const [unrolling, options] of Object.entries(UNROLLINGS)) {
    const { all, output } = await bytesOf(steps, options)
    rows.push({ unrolling, steps, megabytes: all / 2 ** 20 })
    if (unrolling !== 'whole tape') rows.push({ unrolling: 'of which the output', steps, megabytes: output / 2 ** 20 })
  }
  // a window at a time, the state carried along, as `fit` does with `truncation`
  const { all } = await bytesOf(Math.min(WINDOW, steps), {})
  rows.push({ unrolling: `truncation, window ${WINDOW}`, steps, megabytes: all / 2 ** 20 })
}

const names = [...new Set(rows.map(({ unrolling }) => unrolling))]
console.log(`| T | ${names.join(' | ')} |\n| ---: |${' ---: |'.repeat(names.length)}`)
for (const steps of LENGTHS) {
  const cells = names.map((name) => rows.find((row) => row.unrolling === name && row.steps === steps)!.megabytes)
  console.log(`| ${steps} | ${cells.map((cell) => `${cell.toFixed(1)} MB`).join(' | ')} |`)
}

const FONT = 'Helvetica Neue, Helvetica, Arial, sans-serif'
const config: Config = {
  title: { font: FONT, fontSize: 17, anchor: 'start', offset: 14, subtitleFont: FONT, subtitleColor: '#868e96', color: '#343a40' },
  axis: { labelFont: FONT, titleFont: FONT, labelColor: '#343a40', titleColor: '#343a40', labelFontSize: 12, titleFontSize: 12 },
  legend: { labelFont: FONT, labelColor: '#343a40', labelFontSize: 13, symbolSize: 400, labelLimit: 0, columnPadding: 24 },
} // prettier-ignore
const spec: Spec = {
  width: 720,
  height: 360,
  padding: 20,
  background: 'white',
  title: {
    text: 'Memory of a training step by the length of its sequence',
    subtitle: `LSTM, B = ${BATCH}, I = ${SIZES.inputSize}, H = ${SIZES.hiddenSize}, float32; beside input and gradient by the output`,
  },
  data: [{ name: 'rows', values: rows }],
  scales: [
    { name: 'x', type: 'log', domain: [LENGTHS[0]!, LENGTHS.at(-1)!], range: 'width' },
    { name: 'y', type: 'log', domain: [0.4, 300], range: 'height' },
    { name: 'colour', type: 'ordinal', domain: names, range: ['#212529', '#e8590c', '#adb5bd', '#4c6ef5'] },
  ],
  axes: [
    { orient: 'left', scale: 'y', grid: true, title: 'megabytes', titlePadding: 10, values: [1, 2, 5, 10, 20, 50, 100, 200] },
    { orient: 'bottom', scale: 'x', title: 'steps T', titlePadding: 10, values: LENGTHS, format: 'd' },
  ], // prettier-ignore
  legends: [{ stroke: 'colour', symbolType: 'stroke', orient: 'top', columns: 2 }],
  marks: [
    {
      type: 'group',
      from: { facet: { name: 'line', data: 'rows', groupby: 'unrolling' } },
      marks: [
        {
          type: 'line',
          from: { data: 'line' },
          encode: {
            update: {
              x: { scale: 'x', field: 'steps' },
              y: { scale: 'y', field: 'megabytes' },
              stroke: { scale: 'colour', field: 'unrolling' },
              strokeWidth: { value: 2.5 },
            },
          },
        },
      ],
    },
  ],
}
writeFileSync('docs/figures/memory.svg', await new View(parse(spec, config), { renderer: 'none' }).toSVG())
