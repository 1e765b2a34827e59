/** Sums over rows and over columns. */
import { Real } from "real";
import { LANES, add, at, mul, splat } from "../simd";
import { storeValid } from "./tail";

/** Vectors that `columnSum` adds up side by side: two cache lines of a row, so that no line is read twice. */
const WIDE: i32 = 8;

/** dst[j] += Σ_i a[i, j] over rows in their order, a: Real[rows, columns]; one running sum per column. */
export function columnSum(rows: i32, columns: i32, a: usize, dst: usize): void {
  const stride = at(0, columns);
  const wide = WIDE * LANES;
  let j = 0;
  for (; j + wide <= columns; j += wide) wideSum(rows, stride, at(a, j), at(dst, j));
  for (; j < columns; j += LANES) {
    let sum = v128.load(at(dst, j));
    let x = at(a, j);
    for (let i = 0; i < rows; i++) {
      sum = add(sum, v128.load(x));
      x += stride;
    }
    storeValid(at(dst, j), sum, columns - j);
  }
}

/** WIDE vectors of columns; rows are `stride` bytes apart. */
function wideSum(rows: i32, stride: usize, x: usize, dst: usize): void {
  let sum0 = v128.load(dst);
  let sum1 = v128.load(dst, 16);
  let sum2 = v128.load(dst, 32);
  let sum3 = v128.load(dst, 48);
  let sum4 = v128.load(dst, 64);
  let sum5 = v128.load(dst, 80);
  let sum6 = v128.load(dst, 96);
  let sum7 = v128.load(dst, 112);
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
  v128.store(dst, sum0);
  v128.store(dst, sum1, 16);
  v128.store(dst, sum2, 32);
  v128.store(dst, sum3, 48);
  v128.store(dst, sum4, 64);
  v128.store(dst, sum5, 80);
  v128.store(dst, sum6, 96);
  v128.store(dst, sum7, 112);
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
