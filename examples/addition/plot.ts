import type { Tick } from '../kit/axes.ts'
import { drawLines, type Line } from '../kit/lines.ts'
import { COLOURS } from '../kit/style.ts'
import type { Accuracy } from './model.ts'

const KINDS = { character: 'characters', answer: 'whole answers' } as const
/** The end of the logarithmic axis: less than this wrong is drawn here. */
const LEAST = 5e-4
/** Shares of wrong ones, named by what is right. */
const TICKS: readonly Tick[] = [1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001].map((wrong) => ({
  at: wrong,
  label: `${Number((100 * (1 - wrong)).toFixed(1))}%`,
}))

/** Draws the validation accuracy of each seed's run against the epoch. Returns SVG. */
export function plotCurves(seeds: readonly number[], runs: readonly Accuracy[][], goal: number): Promise<string> {
  return drawLines({
    title: 'One LSTM layer of 128 learns to add numbers below 100',
    subtitle: `Share right on held-out pairs (validation part) after each epoch; one line per seed (${seeds.join(', ')})`,
    looks: [
      { name: KINDS.character, colour: COLOURS.orange },
      { name: KINDS.answer, colour: COLOURS.blue },
    ],
    panels: [
      {
        width: 860,
        height: 360,
        x: { title: 'epoch', format: 'd' },
        y: { title: 'accuracy (by the logarithm of the error)', type: 'log', domain: [1, LEAST], ticks: TICKS },
        lines: runs.flatMap((history) => [lineOf(history, 'character'), lineOf(history, 'answer')]),
        levels: [{ y: 1 - goal, text: `goal: ${100 * goal} % of characters` }],
      },
    ],
  })
}

const lineOf = (history: readonly Accuracy[], kind: keyof Accuracy): Line => ({
  name: KINDS[kind],
  points: history.map((accuracy, epoch) => ({ x: epoch + 1, y: Math.max(1 - accuracy[kind], LEAST) })),
})
