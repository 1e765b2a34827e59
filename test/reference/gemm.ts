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

/** start + Σ over blocks of `block` terms, each summed from 0: how sums over rows go. */
export function blockedGemmReference(
  rows: number,
  columns: number,
  depth: number,
  a: (i: number, k: number) => number,
  b: (k: number, j: number) => number,
  start: ArrayLike<number>,
  round: (x: number) => number,
  block: number,
): number[] {
  let result = Array.from(start)
  for (let k = 0; k < depth; k += block) {
    const terms = Math.min(block, depth - k)
    const zeros = new Float64Array(rows * columns)
    const shifted = [(i: number, t: number) => a(i, k + t), (t: number, j: number) => b(k + t, j)] as const
    const sums = gemmReference(rows, columns, terms, ...shifted, zeros, round)
    result = result.map((value, i) => round(value + sums[i]!))
  }
  return result
}
