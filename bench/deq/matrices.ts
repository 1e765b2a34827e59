/** Seeded matrices with the spectra that the problems need, in plain float64 loops. Row-major; [n, n] where nothing else is said. */
import { generate } from '../../test/support/generator.ts'

const SEED = 7

export const random = (name: string, count: number, scale = 1): Float64Array => generate(SEED, name, count, scale)

/** A random matrix whose spectral norm is `size`. */
export function ofNorm(name: string, n: number, size: number): Float64Array {
  const W = random(name, n * n)
  return scaled(W, size / spectralNorm(n, W))
}

/** Q diag(values) Qᵀ with a random orthogonal Q. */
export function symmetric(name: string, values: readonly number[]): Float64Array {
  const n = values.length
  const middle = new Float64Array(n * n)
  for (const [i, value] of values.entries()) middle[i * n + i] = value
  return turned(n, orthogonal(name, n), middle)
}

/** Q B Qᵀ, B being 2 x 2 blocks that turn by `angles` and scale by `size`: eigenvalues size e^(± i angle). */
export function rotations(name: string, size: number, angles: readonly number[]): Float64Array {
  const n = 2 * angles.length
  const middle = new Float64Array(n * n)
  for (const [k, angle] of angles.entries()) {
    const [c, s, at] = [size * Math.cos(angle), size * Math.sin(angle), 2 * k * (n + 1)]
    middle.set([c, -s], at)
    middle.set([s, c], at + n)
  }
  return turned(n, orthogonal(name, n), middle)
}

/** The diagonal's values are the eigenvalues; what stands above it has spectral norm `size`. */
export function upperTriangular(name: string, diagonal: readonly number[], size: number): Float64Array {
  const n = diagonal.length
  const above = random(name, n * n).map((value, i) => (i % n > Math.floor(i / n) ? value : 0))
  const W = scaled(above, size / spectralNorm(n, above))
  for (const [i, value] of diagonal.entries()) W[i * n + i] = value
  return W
}

/** `count` numbers from `first` to `last`, evenly. */
export const spread = (count: number, first: number, last: number): number[] =>
  Array.from({ length: count }, (_, i) => first + ((last - first) * i) / (count - 1))

export const scaled = (W: Float64Array, factor: number): Float64Array => W.map((value) => value * factor)

/** By the power method on WᵀW. */
export function spectralNorm(n: number, W: Float64Array): number {
  const rounds = 300
  let v = random('power method', n)
  let size = 0
  for (let round = 0; round < rounds; round++) {
    const next = times(n, transposed(n, W), times(n, W, v, 1), 1)
    size = Math.sqrt(norm(next) / norm(v))
    v = scaled(next, 1 / norm(next))
  }
  return size
}

export const norm = (x: Float64Array): number => Math.sqrt(dot(x, x))

export function dot(x: Float64Array, y: Float64Array): number {
  let sum = 0
  for (let i = 0; i < x.length; i++) sum += x[i]! * y[i]!
  return sum
}

/** A B, B: [n, columns]. */
export function times(n: number, A: Float64Array, B: Float64Array, columns: number): Float64Array {
  const C = new Float64Array(n * columns)
  for (let i = 0; i < n; i++)
    for (let k = 0; k < n; k++)
      for (let j = 0; j < columns; j++) C[i * columns + j]! += A[i * n + k]! * B[k * columns + j]!
  return C
}

export const transposed = (n: number, A: Float64Array): Float64Array =>
  A.map((_, i) => A[(i % n) * n + Math.floor(i / n)]!)

const turned = (n: number, Q: Float64Array, middle: Float64Array): Float64Array =>
  times(n, times(n, Q, middle, n), transposed(n, Q), n)

/** Rows by Gram and Schmidt, twice. */
function orthogonal(name: string, n: number): Float64Array {
  const Q = random(name, n * n)
  for (let i = 0; i < n; i++) {
    const row = Q.subarray(i * n, (i + 1) * n)
    for (let pass = 0; pass < 2; pass++)
      for (let k = 0; k < i; k++) {
        const other = Q.subarray(k * n, (k + 1) * n)
        const share = dot(row, other)
        for (let j = 0; j < n; j++) row[j]! -= share * other[j]!
      }
    const size = norm(row)
    for (let j = 0; j < n; j++) row[j]! /= size
  }
  return Q
}
