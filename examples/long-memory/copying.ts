import { crossEntropyLoss, type Runtime, type Tensor } from 'retrograd'
import { likeliest } from '../kit/scores.ts'
import type { Batch, Problem } from './problem.ts'

const LETTERS = 8
const BLANK = LETTERS
const GO = LETTERS + 1
const SYMBOLS = LETTERS + 2

export interface CopyOptions {
  /** Letters to be remembered. */
  readonly length: number
  /** Steps from the last letter to the first that is asked for. */
  readonly delay: number
}

/**
 * Copy memory: `length` letters out of 8, then blanks, the last of which is a sign to begin; then the letters are asked for in
 * order. Between a letter and its recall lie length + delay steps. The answer at all steps before is a blank.
 * Who writes blanks and then guesses has the mean cross entropy length · ln 8 / (delay + 2 length).
 *
 * @see Hochreiter and Schmidhuber 1997; in the form of Arjovsky, Shah and Bengio 2016, https://arxiv.org/abs/1511.06464
 */
export function copyMemory({ length, delay }: CopyOptions): Problem {
  const steps = delay + 2 * length
  return {
    steps,
    inputs: SYMBOLS,
    outputs: SYMBOLS,
    lastOnly: false,
    loss: crossEntropyLoss,
    baseline: (length * Math.log(LETTERS)) / steps,
    batch: (rt, B) => createBatch(rt, { length, delay }, B),
    right: recalled,
  }
}

function createBatch(rt: Runtime, { length, delay }: CopyOptions, B: number): Batch {
  const steps = delay + 2 * length
  const input = rt.tensor(new Float32Array(steps * B * SYMBOLS), [steps, B, SYMBOLS])
  const target = rt.indices(new Int32Array(steps * B).fill(BLANK), [steps, B])

  const fill = (random: () => number) => {
    const [symbols, answers] = [input.data, target.data]
    symbols.fill(0)
    const write = (t: number, b: number, symbol: number) => (symbols[(t * B + b) * SYMBOLS + symbol] = 1)
    for (let b = 0; b < B; b++) {
      for (let t = 0; t < length; t++) {
        const letter = Math.floor(random() * LETTERS)
        write(t, b, letter)
        answers[(t + length + delay) * B + b] = letter
      }
      for (let t = length; t < steps; t++) write(t, b, t === length + delay - 1 ? GO : BLANK)
    }
  }
  return { input, target, fill }
}

/** Share of the letters that were recalled, each at its step; blanks do not count. */
function recalled({ data: logits }: Tensor, { data: answers }: Tensor): number {
  const written = likeliest(logits, SYMBOLS)
  let [letters, right] = [0, 0]
  for (let row = 0; row < answers.length; row++) {
    if (answers[row] === BLANK) continue
    letters++
    if (written[row] === answers[row]) right++
  }
  return right / letters
}
