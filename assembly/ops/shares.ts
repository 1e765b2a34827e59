/** Which share of a value's time each of its columns spends where it is saturated. */
import { Real } from "real";
import { at } from "../simd";

/**
 * counts[0, j] += rows with x < low; counts[1, j] += rows with x > high; counts[2, j] += Σ x: by column j, over the rows that
 * are no padding. x: Real[steps, batch, columns]; counts: f64[3, columns]; lengths: i32[batch], or 0. Returns the number of rows.
 */
export function countShares(
  steps: i32,
  batch: i32,
  columns: i32,
  low: f64,
  high: f64,
  lengths: usize,
  x: usize,
  counts: usize,
): i32 {
  let rows = 0;
  for (let t = 0; t < steps; t++) {
    for (let b = 0; b < batch; b++) {
      if (!lengths || t < load<i32>(at<i32>(lengths, b))) {
        countRow(columns, low, high, x, counts);
        rows++;
      }
      x = at(x, columns);
    }
  }
  return rows;
}

function countRow(columns: i32, low: f64, high: f64, x: usize, counts: usize): void {
  for (let j = 0; j < columns; j++) {
    const value = <f64>load<Real>(at(x, j));
    if (value < low) raise(counts, j, 1);
    if (value > high) raise(counts, columns + j, 1);
    raise(counts, 2 * columns + j, value);
  }
}

// @ts-ignore: decorator
@inline
function raise(counts: usize, index: i32, by: f64): void {
  store<f64>(at<f64>(counts, index), load<f64>(at<f64>(counts, index)) + by);
}
