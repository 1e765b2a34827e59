/** Softmax and its logarithm along rows, shifted by the row's greatest element; the sum accumulates in float64. */
import { expLanes } from "../math/exp";
import { logLanes } from "../math/log";
import { at, lanes } from "../simd";
import { storeValid } from "./tail";

/** y[i, :] = softmax(x[i, :]), or its logarithm; x, y: T[rows, columns]; y may be x. */
export function softmax<T>(rows: i32, columns: i32, logarithm: bool, x: usize, y: usize): void {
  for (let i = 0; i < rows; i++) {
    const greatest = rowMaximum<T>(columns, x);
    if (logarithm) shiftRow<T>(columns, logSumExp<T>(columns, x, greatest), x, y);
    else normaliseRow<T>(columns, greatest, x, y);
    x = at<T>(x, columns);
    y = at<T>(y, columns);
  }
}

/** The greatest element of a row; NaN if there is one. */
export function rowMaximum<T>(columns: i32, x: usize): T {
  let greatest = load<T>(x);
  for (let j = 1; j < columns; j++) greatest = max<T>(greatest, load<T>(at<T>(x, j)));
  return greatest;
}

/** log Σ_j exp(x[j]), `greatest` being the row's maximum. */
export function logSumExp<T>(columns: i32, x: usize, greatest: T): T {
  let sum: f64 = 0;
  const shift = v128.splat<T>(greatest);
  for (let j = 0; j < columns; j += lanes<T>()) {
    sum += sumLanes<T>(expLanes<T>(v128.sub<T>(v128.load(at<T>(x, j)), shift)), columns - j);
  }
  const logarithm = logLanes<T>(v128.splat<T>(<T>sum));
  return greatest + v128.extract_lane<T>(logarithm, 0);
}

/** The sum of the first `valid` lanes, in their order. */
// @ts-ignore: decorator
@inline
function sumLanes<T>(v: v128, valid: i32): f64 {
  let sum = <f64>v128.extract_lane<T>(v, 0);
  if (valid > 1) sum += <f64>v128.extract_lane<T>(v, 1);
  if (sizeof<T>() == 4) {
    if (valid > 2) sum += <f64>f32x4.extract_lane(v, 2);
    if (valid > 3) sum += <f64>f32x4.extract_lane(v, 3);
  }
  return sum;
}

/** y[j] = x[j] - shift. */
function shiftRow<T>(columns: i32, shift: T, x: usize, y: usize): void {
  const splat = v128.splat<T>(shift);
  for (let j = 0; j < columns; j += lanes<T>()) {
    storeValid<T>(at<T>(y, j), v128.sub<T>(v128.load(at<T>(x, j)), splat), columns - j);
  }
}

/** y[j] = exp(x[j] - greatest) / Σ. */
export function normaliseRow<T>(columns: i32, greatest: T, x: usize, y: usize): void {
  const shift = v128.splat<T>(greatest);
  let sum: f64 = 0;
  for (let j = 0; j < columns; j += lanes<T>()) {
    const exponential = expLanes<T>(v128.sub<T>(v128.load(at<T>(x, j)), shift));
    sum += sumLanes<T>(exponential, columns - j);
    storeValid<T>(at<T>(y, j), exponential, columns - j);
  }
  const divisor = v128.splat<T>(<T>sum);
  for (let j = 0; j < columns; j += lanes<T>()) {
    storeValid<T>(at<T>(y, j), v128.div<T>(v128.load(at<T>(y, j)), divisor), columns - j);
  }
}
