/** Softmax and its logarithm along rows, shifted by the row's greatest element; the sum accumulates in float64. */
import { Real } from "real";
import { expLanes } from "../math/exp";
import { logLanes } from "../math/log";
import { LANES, at, div, splat, sub } from "../simd";
import { storeValid } from "./tail";

/** y[i, :] = softmax(x[i, :]), or its logarithm; x, y: Real[rows, columns]; y may be x. */
export function softmax(rows: i32, columns: i32, logarithm: bool, x: usize, y: usize): void {
  for (let i = 0; i < rows; i++) {
    const greatest = rowMaximum(columns, x);
    if (logarithm) shiftRow(columns, logSumExp(columns, x, greatest), x, y);
    else normaliseRow(columns, greatest, x, y);
    x = at(x, columns);
    y = at(y, columns);
  }
}

/** The greatest element of a row; NaN if there is one. */
export function rowMaximum(columns: i32, x: usize): Real {
  let greatest = load<Real>(x);
  for (let j = 1; j < columns; j++) greatest = max<Real>(greatest, load<Real>(at(x, j)));
  return greatest;
}

/** log Σ_j exp(x[j]), `greatest` being the row's maximum. */
export function logSumExp(columns: i32, x: usize, greatest: Real): Real {
  let sum: f64 = 0;
  const shift = splat(greatest);
  for (let j = 0; j < columns; j += LANES) {
    sum += sumLanes(expLanes(sub(v128.load(at(x, j)), shift)), columns - j);
  }
  const logarithm = logLanes(splat(<Real>sum));
  return greatest + v128.extract_lane<Real>(logarithm, 0);
}

/** The sum of the first `valid` lanes, in their order. */
// @ts-ignore: decorator
@inline
function sumLanes(v: v128, valid: i32): f64 {
  let sum = <f64>v128.extract_lane<Real>(v, 0);
  if (valid > 1) sum += <f64>v128.extract_lane<Real>(v, 1);
  if (sizeof<Real>() == 4) {
    if (valid > 2) sum += <f64>f32x4.extract_lane(v, 2);
    if (valid > 3) sum += <f64>f32x4.extract_lane(v, 3);
  }
  return sum;
}

/** y[j] = x[j] - shift. */
function shiftRow(columns: i32, shift: Real, x: usize, y: usize): void {
  const shifts = splat(shift);
  for (let j = 0; j < columns; j += LANES) {
    storeValid(at(y, j), sub(v128.load(at(x, j)), shifts), columns - j);
  }
}

/** y[j] = exp(x[j] - greatest) / Σ. */
export function normaliseRow(columns: i32, greatest: Real, x: usize, y: usize): void {
  const shift = splat(greatest);
  let sum: f64 = 0;
  for (let j = 0; j < columns; j += LANES) {
    const exponential = expLanes(sub(v128.load(at(x, j)), shift));
    sum += sumLanes(exponential, columns - j);
    storeValid(at(y, j), exponential, columns - j);
  }
  const divisor = splat(<Real>sum);
  for (let j = 0; j < columns; j += LANES) {
    storeValid(at(y, j), div(v128.load(at(y, j)), divisor), columns - j);
  }
}
