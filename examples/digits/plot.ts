import { drawLines, type Panel } from '../kit/lines.ts'
import { COLOURS } from '../kit/style.ts'
import type { Part } from './report.ts'

const HUES = [COLOURS.grey, COLOURS.orange, COLOURS.blue]

/** Draws the validation accuracy of each run against the epoch, the readings side by side. Returns SVG. */
export function plotCurves(parts: readonly Part[]): Promise<string> {
  const { contestants } = parts[0]!.experiment
  return drawLines({
    title: 'Handwritten digits of 14 x 14 pixels, read in order',
    subtitle: 'Share of the validation part read rightly, after each epoch; one line per seed',
    looks: contestants.map(({ name }, i) => ({ name, colour: HUES[i]! })),
    panels: parts.map(panelOf),
  })
}

const panelOf = ({ experiment: { reading }, runs }: Part): Panel => ({
  title: `${reading.name}: ${reading.steps} steps of ${reading.inputs}`,
  width: 420,
  x: { title: 'epoch', format: 'd' },
  y: { title: 'accuracy', domain: [0, 1], format: '~%' },
  lines: runs.map(({ name, history }) => ({
    name,
    points: history.map((accuracy, epoch) => ({ x: epoch + 1, y: accuracy })),
  })),
})
