/** The X[n, m] with A X = B, by elimination with the greatest pivot of each column. */
export function solveReference(n: number, m: number, a: ArrayLike<number>, b: ArrayLike<number>): number[] {
  const rows = Array.from({ length: n }, (_, i) => [
    ...Array.from({ length: n }, (_, j) => a[i * n + j]!),
    ...Array.from({ length: m }, (_, j) => b[i * m + j]!),
  ])
  for (let k = 0; k < n; k++) {
    const below = rows.slice(k).map((row) => Math.abs(row[k]!))
    const best = k + below.indexOf(Math.max(...below))
    ;[rows[k], rows[best]] = [rows[best]!, rows[k]!]
    const pivot = rows[k]!.map((x) => x / rows[k]![k]!)
    for (let i = 0; i < n; i++) {
      if (i !== k) rows[i] = rows[i]!.map((x, j) => x - rows[i]![k]! * pivot[j]!)
    }
    rows[k] = pivot
  }
  return rows.flatMap((row) => row.slice(n))
}
