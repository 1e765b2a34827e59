/** Sums over rows and over columns. */
import { Real } from "real";
import { LANES, add, at, mul, splat } from "../simd";
import { storeValid } from "./tail";

/** Vectors that `columnSum` adds up side by side: two cache lines of a row, so that no line is read twice. */
const WIDE: i32 = 8;

/** Rows that are summed from 0 before they are added to what is there. */
export const SUM_ROWS: i32 = 256;

/** Sums of which the next one is made: a digit of a sum over 10^6 float32 rows meets 256 + 64 + 62 roundings. */
export const FOLD_PARTS: i32 = 64;
export const FOLD_ROWS: i32 = FOLD_PARTS * SUM_ROWS;

/**
 * dst[j] += Σ_i a[i, j], a: Real[rows, columns]. Rows are summed in blocks of SUM_ROWS, each from 0 and in order, so that many of them
 * lose few digits.
 */
export function columnSum(rows: i32, columns: i32, a: usize, dst: usize): void {
  for (let i = 0; i < rows; i += SUM_ROWS) addBlockSum(min(SUM_ROWS, rows - i), columns, at(a, i * columns), dst);
}

/** One running sum per column. */
function addBlockSum(rows: i32, columns: i32, a: usize, dst: usize): void {
  const stride = at(0, columns);
  const wide = WIDE * LANES;
  let j = 0;
  for (; j + wide <= columns; j += wide) wideSum(rows, stride, at(a, j), at(dst, j));
  for (; j < columns; j += LANES) {
    let sum = splat(0);
    let x = at(a, j);
    for (let i = 0; i < rows; i++) {
      sum = add(sum, v128.load(x));
      x += stride;
    }
    storeValid(at(dst, j), add(v128.load(at(dst, j)), sum), columns - j);
  }
}

/** WIDE vectors of columns; rows are `stride` bytes apart. */
function wideSum(rows: i32, stride: usize, x: usize, dst: usize): void {
  let sum0 = splat(0);
  let sum1 = sum0;
  let sum2 = sum0;
  let sum3 = sum0;
  let sum4 = sum0;
  let sum5 = sum0;
  let sum6 = sum0;
  let sum7 = sum0;
  for (let i = 0; i < rows; i++) {
    sum0 = add(sum0, v128.load(x));
    sum1 = add(sum1, v128.load(x, 16));
    sum2 = add(sum2, v128.load(x, 32));
    sum3 = add(sum3, v128.load(x, 48));
    sum4 = add(sum4, v128.load(x, 64));
    sum5 = add(sum5, v128.load(x, 80));
    sum6 = add(sum6, v128.load(x, 96));
    sum7 = add(sum7, v128.load(x, 112));
    x += stride;
  }
  v128.store(dst, add(v128.load(dst), sum0));
  v128.store(dst, add(v128.load(dst, 16), sum1), 16);
  v128.store(dst, add(v128.load(dst, 32), sum2), 32);
  v128.store(dst, add(v128.load(dst, 48), sum3), 48);
  v128.store(dst, add(v128.load(dst, 64), sum4), 64);
  v128.store(dst, add(v128.load(dst, 80), sum5), 80);
  v128.store(dst, add(v128.load(dst, 96), sum6), 96);
  v128.store(dst, add(v128.load(dst, 112), sum7), 112);
}

/** total += part, n elements, and part = 0; nothing where they are the same memory. */
export function fold(n: i32, part: usize, total: usize): void {
  if (part == total) return;
  addInto(n, part, total);
  memory.fill(part, 0, at(0, n));
}

/** Σ x in float64, n elements. */
export function total(n: i32, x: usize): f64 {
  let sum: f64 = 0;
  for (let i = 0; i < n; i++) sum += <f64>load<Real>(at(x, i));
  return sum;
}

/** dst += a, n elements. */
export function addInto(n: i32, a: usize, dst: usize): void {
  for (let i = 0; i < n; i += LANES) {
    storeValid(at(dst, i), add(v128.load(at(dst, i)), v128.load(at(a, i))), n - i);
  }
}

/** y += factor x, n elements. */
export function addScaled(n: i32, factor: f64, x: usize, y: usize): void {
  const factors = splat(<Real>factor);
  for (let i = 0; i < n; i += LANES) {
    const scaled = mul(factors, v128.load(at(x, i)));
    storeValid(at(y, i), add(v128.load(at(y, i)), scaled), n - i);
  }
}

/** dst[i] = Σ_j a[i, j], accumulated in float64, a: Real[rows, columns]. */
export function rowSum(rows: i32, columns: i32, a: usize, dst: usize): void {
  for (let i = 0; i < rows; i++) {
    let sum: f64 = 0;
    for (let j = 0; j < columns; j++) sum += <f64>load<Real>(at(a, i * columns + j));
    store<Real>(at(dst, i), <Real>sum);
  }
}
