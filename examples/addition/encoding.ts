import type { Runtime, Tensor } from 'retrograd'
import { likeliest } from '../kit/scores.ts'
import type { Sum } from './data.ts'

const BLANK = ' '
/** What may stand at a step: a digit, the plus sign or nothing. */
export const SYMBOLS = `0123456789+${BLANK}`
const QUESTION = 'dd+dd'.length
/** The longest answer is 198. */
export const ANSWER = 3
export const STEPS = QUESTION + ANSWER

/** N sums as `fit` takes them, time first. */
export interface Questions {
  /** One symbol a step, one-hot, the question and then blanks: [STEPS, N, SYMBOLS]. */
  readonly input: Tensor
  /** Ids of the answer's symbols at the last steps: [STEPS, N]. */
  readonly target: Tensor
  /** 1 at the answer's steps, 0 before: the loss does not see what the net says while it reads. [STEPS, N] */
  readonly mask: Tensor
}

/** '12+7', padded to five symbols, backwards: ' 7+21'. */
function question({ a, b }: Sum): string {
  return [...`${a}+${b}`.padEnd(QUESTION, BLANK)].reverse().join('')
}

/** The sum, padded at its end: '19 '. */
export function answerTo({ a, b }: Sum): string {
  return String(a + b).padEnd(ANSWER, BLANK)
}

/** Encodes sums; the tensors are the caller's to dispose of. */
export function encode(rt: Runtime, sums: readonly Sum[]): Questions {
  const N = sums.length
  const input = new Float32Array(STEPS * N * SYMBOLS.length)
  const target = new Int32Array(STEPS * N)
  const mask = new Float32Array(STEPS * N)
  for (const [n, sum] of sums.entries()) {
    const read = question(sum).padEnd(STEPS, BLANK)
    const write = answerTo(sum).padStart(STEPS, BLANK)
    for (let t = 0; t < STEPS; t++) {
      const row = t * N + n
      input[row * SYMBOLS.length + SYMBOLS.indexOf(read[t]!)] = 1
      target[row] = SYMBOLS.indexOf(write[t]!)
      mask[row] = Number(t >= QUESTION)
    }
  }
  return {
    input: rt.tensor(input, [STEPS, N, SYMBOLS.length]),
    target: rt.indices(target, [STEPS, N]),
    mask: rt.tensor(mask, [STEPS, N]),
  }
}

/**
 * The likeliest symbol at each answer step of each sample.
 *
 * @param logits [STEPS, N, SYMBOLS]
 */
export function decode(logits: Tensor): string[] {
  const N = logits.shape[1]!
  const ids = likeliest(logits.data, SYMBOLS.length)
  return Array.from({ length: N }, (_, n) => {
    const rows = Array.from({ length: ANSWER }, (_, k) => (QUESTION + k) * N + n)
    return rows.map((row) => SYMBOLS[ids[row]!]).join('')
  })
}
