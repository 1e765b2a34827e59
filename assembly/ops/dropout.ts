/** Dropout with a mask that is a function of (key, stream, step, row, unit): the same whenever it is computed again. */
import { Real } from "real";
import { philox } from "../math/random";
import { TAIL_SCRATCH } from "../memory";
import { at } from "../simd";

const TWO_POWER_32: f64 = 4294967296;

/**
 * y = x / (1 - probability) where a draw keeps the unit, else 0; x, y: Real[rows, columns], rows being whole steps of `batch`
 * rows from step `first` on. y may be x.
 */
export function dropout(
  rows: i32,
  columns: i32,
  batch: i32,
  first: i32,
  stream: u32,
  probability: f64,
  key0: u32,
  key1: u32,
  x: usize,
  y: usize,
): void {
  const threshold = <u64>(probability * TWO_POWER_32);
  const scale = probability < 1 ? <Real>(1 / (1 - probability)) : <Real>0;
  for (let row = 0; row < rows; row++) {
    const step = first + row / batch;
    const sample = row % batch;
    for (let j = 0; j < columns; j++) {
      const word = j & 3;
      if (word == 0) philox(j >> 2, sample, step, stream, key0, key1, TAIL_SCRATCH);
      const keep = <u64>load<u32>(TAIL_SCRATCH + ((<usize>word) << 2)) >= threshold;
      store<Real>(at(y, j), keep ? mul<Real>(load<Real>(at(x, j)), scale) : <Real>0);
    }
    x = at(x, columns);
    y = at(y, columns);
  }
}
