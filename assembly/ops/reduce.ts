/** Sums over rows and over columns. */
import { at, lanes } from "../simd";
import { storeValid } from "./tail";

/** dst[j] += Σ_i a[i, j] over rows in their order, a: T[rows, columns]; one running sum per column. */
export function columnSum<T>(rows: i32, columns: i32, a: usize, dst: usize): void {
  const stride = at<T>(0, columns);
  for (let j = 0; j < columns; j += lanes<T>()) {
    let sum = v128.load(at<T>(dst, j));
    let x = at<T>(a, j);
    for (let i = 0; i < rows; i++) {
      sum = v128.add<T>(sum, v128.load(x));
      x += stride;
    }
    storeValid<T>(at<T>(dst, j), sum, columns - j);
  }
}

/** dst += a, n elements. */
export function addInto<T>(n: i32, a: usize, dst: usize): void {
  for (let i = 0; i < n; i += lanes<T>()) {
    storeValid<T>(at<T>(dst, i), v128.add<T>(v128.load(at<T>(dst, i)), v128.load(at<T>(a, i))), n - i);
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
