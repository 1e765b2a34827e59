/** start + Σ_k a(i, k) b(k, j), each product and each sum rounded, in order of k. */
export function gemmReference(
  rows: number,
  columns: number,
  depth: number,
  a: (i: number, k: number) => number,
  b: (k: number, j: number) => number,
  start: ArrayLike<number>,
  round: (x: number) => number,
): number[] {
  const result: number[] = []
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      let sum = start[i * columns + j]!
      for (let k = 0; k < depth; k++) sum = round(sum + round(a(i, k) * b(k, j)))
      result.push(sum)
    }
  }
  return result
}
