/** What depth costs an implicit classifier and unrolled ones: memory and time. */
import type { Figure, Line, Panel } from '../kit/lines.ts'
import { COLOURS } from '../kit/style.ts'
import { mean } from '../kit/table.ts'
import { BATCH, HIDDEN, type Memory } from './memory.ts'

/** One net's training under one seed. */
export interface Run {
  readonly name: string
  readonly depth: number | undefined
  readonly accuracy: number
  /** A tenth of the steps took no longer: the time without what else the machine does. */
  readonly millisecondsPerStep: number
  /** Updates of z per sample of the test part. */
  readonly iterations: number
  /** The greatest ρ(J) over the test part. */
  readonly radius: number
}

const RNN = { name: 'RNN over copies of the input', colour: COLOURS.grey }
const UNROLLED = { name: 'unrolled', colour: COLOURS.orange }
const ACCELERATED = { name: 'implicit: anderson, bicgstab', colour: COLOURS.green }
const IMPLICIT = { name: 'implicit: picard, neumann', colour: COLOURS.blue }

export const figureOf = (memory: Memory, runs: readonly Run[]): Figure => ({
  title: 'Depth that takes no memory: an implicit net beside unrolled ones',
  subtitle: [
    `Left: workspace of one training step, forward and backward, as measured; a layer of ${HIDDEN}, batches of ${BATCH}, z = tanh(0.985 z + U x).`,
    'Depth: layers, or the iterations that the fixed point took. Right: means over the classifiers that were trained',
  ],
  looks: [RNN, UNROLLED, ACCELERATED, IMPLICIT],
  panels: [memoryOf(memory), timeOf(runs)],
})

function memoryOf({ rnn, unrolled, accelerated, implicit }: Memory): Panel {
  const lineOf = ({ name }: { name: string }, measured: Memory[keyof Memory]): Line => ({
    name,
    points: measured.map(({ depth, bytes }) => ({ x: depth, y: bytes / 2 ** 20 })),
    as: 'both',
  })
  return {
    title: 'Memory',
    x: { title: 'depth', type: 'log', grid: true },
    y: { title: 'MB', type: 'log' },
    lines: [lineOf(RNN, rnn), lineOf(UNROLLED, unrolled), lineOf(ACCELERATED, accelerated), lineOf(IMPLICIT, implicit)],
  }
}

function timeOf(runs: readonly Run[]): Panel {
  const milliseconds = (wanted: number | undefined) =>
    mean(runs.filter(({ depth }) => depth === wanted).map(({ millisecondsPerStep }) => millisecondsPerStep))
  const depths = [...new Set(runs.flatMap(({ depth }) => depth ?? []))]
  const times = depths.map((depth) => ({ x: depth, y: milliseconds(depth) }))
  const level = milliseconds(undefined)
  return {
    title: 'Time',
    x: { title: 'layers', type: 'log', grid: true },
    y: { title: 'ms per training step', domain: [0, 1.1 * Math.max(level, ...times.map(({ y }) => y))] },
    lines: [
      { name: UNROLLED.name, points: times, as: 'both' },
      { name: IMPLICIT.name, points: [times[0]!.x, times.at(-1)!.x].map((x) => ({ x, y: level })) },
    ],
  }
}
