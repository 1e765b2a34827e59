/** Small dense matrices of plain numbers, row by row. */
import { uniform } from '../kit/random.ts'

export type Matrix = readonly (readonly number[])[]

/** Numbers in [-1, 1). */
export function draws(count: number, seed: number): number[] {
  const random = uniform(seed)
  return Array.from({ length: count }, () => 2 * random() - 1)
}

export const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0)

export const norm = (a: readonly number[]): number => Math.sqrt(dot(a, a))

export const times = (A: Matrix, x: readonly number[]): number[] => A.map((row) => dot(row, x))

export function product(A: Matrix, B: Matrix): Matrix {
  return A.map((row) => B[0]!.map((_, j) => row.reduce((sum, x, k) => sum + x * B[k]![j]!, 0)))
}

export const transposed = (A: Matrix): Matrix => A[0]!.map((_, j) => A.map((row) => row[j]!))

/** Random rows made orthonormal by Gram and Schmidt, twice over, for the sake of the last digits. */
export function orthogonal(n: number, seed: number): Matrix {
  const rows: number[][] = []
  for (let i = 0; i < n; i++) {
    let row = draws(n, seed + i)
    for (const other of [...rows, ...rows]) {
      const share = dot(row, other)
      row = row.map((x, j) => x - share * other[j]!)
    }
    const size = norm(row)
    rows.push(row.map((x) => x / size))
  }
  return rows
}

/** ρ times a rotation: normal, every eigenvalue of size ρ, so that ‖J^K v‖ = ρ^K ‖v‖ exactly. */
export function normalOf(n: number, rho: number, seed: number): Matrix {
  return orthogonal(n, seed).map((row) => row.map((x) => rho * x))
}

/**
 * Q (Λ + N) Qᵀ, N strictly upper triangular, hence far from normal: one eigenvalue ρ, the others of at most 0.7 ρ, and powers that
 * may grow before they fall.
 */
export function nonNormalOf(n: number, rho: number, coupling: number, seed: number): Matrix {
  const Q = orthogonal(n, seed)
  const diagonal = [rho, ...draws(n - 1, seed + n).map((x) => 0.7 * rho * x)]
  const above = draws(n * n, seed + n + 1).map((x) => coupling * x)
  const T = diagonal.map((x, i) => diagonal.map((_, j) => (i === j ? x : j > i ? above[i * n + j]! : 0)))
  return product(product(transposed(Q), T), Q)
}
