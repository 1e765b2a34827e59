/** Arithmetic on the vectors of a sample: whole SIMD vectors, the padding being 0. Sums accumulate in float64. */
import { dot } from "../ops/norms";
import { VECTOR_BYTES, at, lanes } from "../simd";

/** Σ (f - z)² and Σ f², by the last call of `compare`. */
export let differenceSquares: f64 = 0;
export let valueSquares: f64 = 0;

/** Both sums in one pass over n elements, a whole number of vectors. */
export function compare<T>(n: i32, f: usize, z: usize): void {
  let difference = f64x2.splat(0);
  let value = f64x2.splat(0);
  const end = at<T>(f, n);
  while (f < end) {
    const y = v128.load(f);
    const d = v128.sub<T>(y, v128.load(z));
    if (lanes<T>() == 2) {
      difference = f64x2.add(difference, f64x2.mul(d, d));
      value = f64x2.add(value, f64x2.mul(y, y));
    } else {
      const lowD = f64x2.promote_low_f32x4(d);
      const highD = f64x2.promote_low_f32x4(v128.shuffle<u64>(d, d, 1, 0));
      const lowY = f64x2.promote_low_f32x4(y);
      const highY = f64x2.promote_low_f32x4(v128.shuffle<u64>(y, y, 1, 0));
      difference = f64x2.add(difference, f64x2.add(f64x2.mul(lowD, lowD), f64x2.mul(highD, highD)));
      value = f64x2.add(value, f64x2.add(f64x2.mul(lowY, lowY), f64x2.mul(highY, highY)));
    }
    f += VECTOR_BYTES;
    z += VECTOR_BYTES;
  }
  differenceSquares = f64x2.extract_lane(difference, 0) + f64x2.extract_lane(difference, 1);
  valueSquares = f64x2.extract_lane(value, 0) + f64x2.extract_lane(value, 1);
}

export function norm<T>(n: i32, x: usize): f64 {
  return sqrt<f64>(dot<T>(n, x, x));
}

/** y = x, a whole number of vectors: shorter than a call of memory.copy for what a sample holds. */
export function copyVector<T>(n: i32, x: usize, y: usize): void {
  const end = at<T>(x, n);
  while (x < end) {
    v128.store(y, v128.load(x));
    x += VECTOR_BYTES;
    y += VECTOR_BYTES;
  }
}

/** y = x for n elements of dense arrays. */
export function copyRow<T>(n: i32, x: usize, y: usize): void {
  if (n % lanes<T>() == 0) copyVector<T>(n, x, y);
  else memory.copy(y, x, at<T>(0, n));
}

/** out = x - y; out may be one of them. */
export function subtract<T>(n: i32, x: usize, y: usize, out: usize): void {
  for (let i = 0; i < n; i += lanes<T>()) {
    v128.store(at<T>(out, i), v128.sub<T>(v128.load(at<T>(x, i)), v128.load(at<T>(y, i))));
  }
}

/** y += factor x. */
export function addMultiple<T>(n: i32, factor: f64, x: usize, y: usize): void {
  const factors = v128.splat<T>(<T>factor);
  for (let i = 0; i < n; i += lanes<T>()) {
    v128.store(at<T>(y, i), v128.add<T>(v128.load(at<T>(y, i)), v128.mul<T>(factors, v128.load(at<T>(x, i)))));
  }
}

/** out = factor x; out may be x. */
export function multiple<T>(n: i32, factor: f64, x: usize, out: usize): void {
  const factors = v128.splat<T>(<T>factor);
  for (let i = 0; i < n; i += lanes<T>()) v128.store(at<T>(out, i), v128.mul<T>(factors, v128.load(at<T>(x, i))));
}
