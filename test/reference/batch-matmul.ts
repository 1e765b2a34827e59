/** Of products [m, k] [k, n], one per sample. */
export interface Sizes {
  readonly m: number
  readonly k: number
  readonly n: number
  readonly transposeA?: boolean
  readonly transposeB?: boolean
}

/** c[r] = a[r] b[r] for `rows` samples, a or b transposed where they come so, and Σ |a| |b| of the element with the greatest. */
export function batchMatmulReference(
  rows: number,
  { m, k, n, transposeA = false, transposeB = false }: Sizes,
  a: ArrayLike<number>,
  b: ArrayLike<number>,
): { c: number[]; scale: number } {
  const c: number[] = []
  let scale = 0
  for (let r = 0; r < rows; r++)
    for (let i = 0; i < m; i++)
      for (let j = 0; j < n; j++) {
        const [left, right] = [
          (p: number) => a[r * m * k + (transposeA ? p * m + i : i * k + p)]!,
          (p: number) => b[r * k * n + (transposeB ? j * k + p : p * n + j)]!,
        ]
        let [sum, size] = [0, 0]
        for (let p = 0; p < k; p++) {
          sum += left(p) * right(p)
          size += Math.abs(left(p) * right(p))
        }
        c.push(sum)
        scale = Math.max(scale, size)
      }
  return { c, scale }
}

/** A matrix [rows, columns] of each of `count` samples, transposed. */
export function transposed(count: number, rows: number, columns: number, x: ArrayLike<number>): number[] {
  return Array.from({ length: count * rows * columns }, (_, i) => {
    const [sample, place] = [Math.floor(i / (rows * columns)), i % (rows * columns)]
    return x[sample * rows * columns + (place % rows) * columns + Math.floor(place / rows)]!
  })
}
