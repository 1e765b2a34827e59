/** Sums over rows and over columns. */
import { at, lanes } from "../simd";
import { storeValid } from "./tail";

/** Vectors that `columnSum` adds up side by side: two cache lines of a row, so that no line is read twice. */
const WIDE: i32 = 8;

/** dst[j] += Σ_i a[i, j] over rows in their order, a: T[rows, columns]; one running sum per column. */
export function columnSum<T>(rows: i32, columns: i32, a: usize, dst: usize): void {
  const stride = at<T>(0, columns);
  const wide = WIDE * lanes<T>();
  let j = 0;
  for (; j + wide <= columns; j += wide) wideSum<T>(rows, stride, at<T>(a, j), at<T>(dst, j));
  for (; j < columns; j += lanes<T>()) {
    let sum = v128.load(at<T>(dst, j));
    let x = at<T>(a, j);
    for (let i = 0; i < rows; i++) {
      sum = v128.add<T>(sum, v128.load(x));
      x += stride;
    }
    storeValid<T>(at<T>(dst, j), sum, columns - j);
  }
}

/** WIDE vectors of columns; rows are `stride` bytes apart. */
function wideSum<T>(rows: i32, stride: usize, x: usize, dst: usize): void {
  let sum0 = v128.load(dst);
  let sum1 = v128.load(dst, 16);
  let sum2 = v128.load(dst, 32);
  let sum3 = v128.load(dst, 48);
  let sum4 = v128.load(dst, 64);
  let sum5 = v128.load(dst, 80);
  let sum6 = v128.load(dst, 96);
  let sum7 = v128.load(dst, 112);
  for (let i = 0; i < rows; i++) {
    sum0 = v128.add<T>(sum0, v128.load(x));
    sum1 = v128.add<T>(sum1, v128.load(x, 16));
    sum2 = v128.add<T>(sum2, v128.load(x, 32));
    sum3 = v128.add<T>(sum3, v128.load(x, 48));
    sum4 = v128.add<T>(sum4, v128.load(x, 64));
    sum5 = v128.add<T>(sum5, v128.load(x, 80));
    sum6 = v128.add<T>(sum6, v128.load(x, 96));
    sum7 = v128.add<T>(sum7, v128.load(x, 112));
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
export function total<T>(n: i32, x: usize): f64 {
  let sum: f64 = 0;
  for (let i = 0; i < n; i++) sum += <f64>load<T>(at<T>(x, i));
  return sum;
}

/** dst += a, n elements. */
export function addInto<T>(n: i32, a: usize, dst: usize): void {
  for (let i = 0; i < n; i += lanes<T>()) {
    storeValid<T>(at<T>(dst, i), v128.add<T>(v128.load(at<T>(dst, i)), v128.load(at<T>(a, i))), n - i);
  }
}

/** y += factor x, n elements. */
export function addScaled<T>(n: i32, factor: f64, x: usize, y: usize): void {
  const factors = v128.splat<T>(<T>factor);
  for (let i = 0; i < n; i += lanes<T>()) {
    const scaled = v128.mul<T>(factors, v128.load(at<T>(x, i)));
    storeValid<T>(at<T>(y, i), v128.add<T>(v128.load(at<T>(y, i)), scaled), n - i);
  }
}

/** dst[i] = Σ_j a[i, j], accumulated in float64, a: T[rows, columns]. */
export function rowSum<T>(rows: i32, columns: i32, a: usize, dst: usize): void {
  for (let i = 0; i < rows; i++) {
    let sum: f64 = 0;
    for (let j = 0; j < columns; j++) sum += <f64>load<T>(at<T>(a, i * columns + j));
    store<T>(at<T>(dst, i), <T>sum);
  }
}
