export type DType = 'float32' | 'float64'

/** Distance from 1 to the next number. */
export const EPSILON: Record<DType, number> = { float32: 2 ** -23, float64: 2 ** -52 }

/** A tolerance above this share of the answer's span would hide errors. */
const USEFUL = 1e-3

/**
 * Bound on the rounding error of a sum of `terms` products.
 *
 * @param scale the magnitude that one operation's rounding is relative to: for one sum the sum of the absolute
 *   products; for a fixture what relative perturbations of every input move the result by (scripts/fixtures/record.py)
 * @see Higham, Accuracy and Stability of Numerical Algorithms, section 3.1: |error| <= terms * u * sum of |products|
 */
export function sumTolerance({ dtype, terms, scale }: { dtype: DType; terms: number; scale: number }): number {
  return scale * (terms + 1) * EPSILON[dtype]
}

/**
 * Says what is wrong with `actual`, or nothing.
 * An answer that is all zero must be met exactly; otherwise the tolerance must lie below a thousandth of `span`.
 *
 * @param span what a wrong answer would be off by: by default the greatest absolute value expected
 */
export function difference(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  span = maxAbs(expected),
): string | undefined {
  if (actual.length !== expected.length) return `has ${actual.length} elements; expected ${expected.length}`
  if (!(tolerance <= USEFUL * span)) return `tolerance ${tolerance} would accept too much: the span is ${span}`
  const [worst, error] = worstError(actual, expected)
  if (error <= tolerance) return undefined
  return `[${worst}] is ${actual[worst]}; expected ${expected[worst]} (off by ${error}, tolerance ${tolerance})`
}

/** Index and size of the greatest error; NaN counts as infinite. */
function worstError(actual: ArrayLike<number>, expected: ArrayLike<number>): [number, number] {
  let worst = 0
  let greatest = -1
  for (let i = 0; i < expected.length; i++) {
    const distance = Math.abs(actual[i] - expected[i])
    const error = Number.isNaN(distance) ? Infinity : distance
    if (error > greatest) [worst, greatest] = [i, error]
  }
  return [worst, greatest]
}

export function maxAbs(values: ArrayLike<number>): number {
  let greatest = 0
  for (let i = 0; i < values.length; i++) greatest = Math.max(greatest, Math.abs(values[i]))
  return greatest
}
