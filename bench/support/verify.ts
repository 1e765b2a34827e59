import { sumTolerance } from '../../test/support/tolerance.ts'
import type { Numbers } from './scalar.ts'
import type { Product } from './shapes.ts'

/** Throws unless there are as many values as expected, and all agree within the tolerance: one for all, or one for each. */
export function expectClose(
  what: string,
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number | ArrayLike<number>,
): void {
  if (actual.length !== expected.length)
    throw new Error(`${what}: ${actual.length} values; expected ${expected.length}; not timed`)
  for (let i = 0; i < expected.length; i++) {
    const allowed = typeof tolerance === 'number' ? tolerance : tolerance[i]!
    if (!(Math.abs(actual[i]! - expected[i]!) <= allowed)) {
      throw new Error(`${what}: element ${i} is ${actual[i]}; expected ${expected[i]} within ${allowed}; not timed`)
    }
  }
}

const SAMPLES = 200

/** Compares elements of a product, spread over C, with their sums in float64. */
export function verifyProduct({ form, use, rows, columns, depth }: Product, a: Numbers, b: Numbers, c: Numbers): void {
  const stride = Math.max(1, Math.floor((rows * columns) / SAMPLES)) | 1 // odd: not always the same column
  for (let place = 0; place < rows * columns; place += stride) {
    const [i, j] = [Math.floor(place / columns), place % columns]
    let [sum, scale] = [0, 0]
    for (let k = 0; k < depth; k++) {
      const term = (form === 'tn' ? a[k * rows + i]! : a[i * depth + k]!) * b[k * columns + j]!
      sum += term
      scale += Math.abs(term)
    }
    expectClose(`${use} [${i}, ${j}]`, [c[place]!], [sum], sumTolerance({ dtype: 'float32', terms: depth, scale }))
  }
}
