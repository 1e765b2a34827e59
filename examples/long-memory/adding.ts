import { mseLoss, type Runtime, type Tensor } from 'retrograd'
import type { Batch, Problem } from './problem.ts'

const CHANNELS = 2 // a value and a marker
/** A sum counts as right within this error, as in Hochreiter and Schmidhuber 1997. */
const TOLERANCE = 0.04

/**
 * The adding problem: of `steps` values from U(0, 1), two are marked, one in each half; the answer is their sum.
 * Who always answers 1 has the mean squared error 1/6, the variance of that sum.
 *
 * @see Hochreiter and Schmidhuber 1997; in the form of Bai, Kolter and Koltun 2018, https://arxiv.org/abs/1803.01271
 */
export function addingProblem(steps: number): Problem {
  return {
    steps,
    inputs: CHANNELS,
    outputs: 1,
    lastOnly: true,
    loss: mseLoss,
    baseline: 1 / 6,
    batch: (rt, B) => createBatch(rt, steps, B),
    right,
  }
}

function createBatch(rt: Runtime, steps: number, B: number): Batch {
  const input = rt.tensor(new Float32Array(steps * B * CHANNELS), [steps, B, CHANNELS])
  const target = rt.tensor(new Float32Array(B), [B, 1])
  const half = Math.floor(steps / 2)

  const fill = (random: () => number) => {
    const [values, sums] = [input.data, target.data]
    for (let i = 0; i < values.length; i += CHANNELS) {
      values[i] = random()
      values[i + 1] = 0
    }
    for (let b = 0; b < B; b++) {
      const marked = [Math.floor(random() * half), half + Math.floor(random() * (steps - half))]
      const places = marked.map((t) => (t * B + b) * CHANNELS)
      for (const place of places) values[place + 1] = 1
      sums[b] = places.reduce((sum, place) => sum + values[place]!, 0)
    }
  }
  return { input, target, fill }
}

function right({ data: sums }: Tensor, { data: answers }: Tensor): number {
  let count = 0
  for (let b = 0; b < sums.length; b++) if (Math.abs(sums[b]! - answers[b]!) < TOLERANCE) count++
  return count / sums.length
}
