/** What a classifier's scores say. */

/**
 * The likeliest class of each row.
 *
 * @param scores [rows, classes], row-major
 */
export function likeliest(scores: ArrayLike<number>, classes: number): number[] {
  return Array.from({ length: scores.length / classes }, (_, row) => {
    let best = 0
    for (let id = 1; id < classes; id++) if (scores[row * classes + id]! > scores[row * classes + best]!) best = id
    return best
  })
}
