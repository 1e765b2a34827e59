const SQUARINGS = 6
const STEPS = 1 << SQUARINGS
const ROUNDS = 8

/**
 * The spectral radius of a square matrix, from how much a vector grows: the geometric mean over many steps, which is right for complex
 * dominant pairs too, within a few per cent where eigenvalues of nearly the same size compete.
 *
 * @param matrix row-major, size x size
 */
export function spectralRadius(matrix: Float64Array, size: number): number {
  let x: Float64Array = Float64Array.from({ length: size }, (_, i) => 1 + (i % 7) / 7)
  let y: Float64Array = new Float64Array(size)
  let radius = 0
  for (let round = 0; round < ROUNDS; round++) {
    let growth = 1
    for (let step = 0; step < STEPS; step++) {
      const norm = Math.sqrt(multiply(matrix, x, y))
      if (!(norm > 0 && norm < Infinity)) return norm
      for (let i = 0; i < size; i++) y[i]! /= norm
      ;[x, y] = [y, x]
      // the 64th root at once: the product of 64 large norms could overflow
      growth *= root(norm)
    }
    radius = growth
  }
  return radius
}

/** The 64th root, by square roots, which are exact on every host. */
function root(value: number): number {
  for (let i = 0; i < SQUARINGS; i++) value = Math.sqrt(value)
  return value
}

/** y = matrix · x; gives the sum of y's squares. */
function multiply(matrix: Float64Array, x: Float64Array, y: Float64Array): number {
  const size = x.length
  let squares = 0
  for (let i = 0; i < size; i++) {
    let sum = 0
    for (let j = 0; j < size; j++) sum += matrix[i * size + j]! * x[j]!
    y[i] = sum
    squares += sum * sum
  }
  return squares
}
