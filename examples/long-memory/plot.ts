import { drawLines, type Panel } from '../kit/lines.ts'
import { COLOURS } from '../kit/style.ts'
import type { Part } from './report.ts'
import { INTERVAL } from './training.ts'

const HUES: Readonly<Record<string, string>> = {
  'tanh RNN': COLOURS.grey,
  'LSTM, window 8': COLOURS.orange,
  IRNN: COLOURS.orange,
  'orthogonal RNN': COLOURS.orange,
  LSTM: COLOURS.blue,
  GRU: COLOURS.green,
  'LSTM, window 24': COLOURS.blue,
}
/** The axis in shares of the baseline: what lies beyond is drawn at its ends. */
const [LEAST, MOST] = [1 / 300, 5]

/** Draws the loss of each run against the step, a panel for each experiment. Returns SVG. */
export function plotCurves(title: string, parts: readonly Part[]): Promise<string> {
  const names = [...new Set(parts.flatMap(({ runs }) => runs.map(({ name }) => name)))]
  const seeds = [...new Set(parts.flatMap(({ runs }) => runs.map(({ seed }) => seed)))]
  return drawLines({
    title,
    subtitle: `Loss on new sequences while training (mean of ${INTERVAL} steps); one line per seed (${seeds.join(', ')})`,
    looks: names.map((name) => ({ name, colour: HUES[name]! })),
    columns: 1,
    panels: parts.map(panelOf),
  })
}

function panelOf({ experiment: { title, problem }, runs }: Part): Panel {
  const { baseline } = problem
  const [least, most] = [LEAST * baseline, MOST * baseline]
  const steps = Math.max(...runs.map(({ curve }) => curve.length)) * INTERVAL
  return {
    title,
    width: 860,
    height: 300,
    x: { title: 'step', format: 'd', domain: [0, steps] },
    y: { title: 'loss', type: 'log', domain: [least, most] },
    lines: runs.map(({ name, curve }) => ({
      name,
      points: curve.map((loss, i) => ({ x: (i + 1) * INTERVAL, y: Math.min(Math.max(loss, least), most) })),
    })),
    levels: [{ y: baseline, text: `baseline: nothing remembered, ${baseline.toFixed(4)}`, side: 'right' }],
  }
}
