/** Arithmetic on the vectors of a sample: whole SIMD vectors, the padding being 0. Sums accumulate in float64. */
import { Real } from "real";
import { dot } from "../ops/norms";
import { LANES, VECTOR_BYTES, add, at, mul, splat, sub } from "../simd";

/** Σ (f - z)² and Σ f², by the last call of `compare`. */
export let differenceSquares: f64 = 0;
export let valueSquares: f64 = 0;

/** Both sums in one pass over n elements, a whole number of vectors. */
export function compare(n: i32, f: usize, z: usize): void {
  let difference = f64x2.splat(0);
  let value = f64x2.splat(0);
  const end = at(f, n);
  while (f < end) {
    const y = v128.load(f);
    const d = sub(y, v128.load(z));
    if (LANES == 2) {
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

export function norm(n: i32, x: usize): f64 {
  return sqrt<f64>(dot(n, x, x));
}

/** y = x, a whole number of vectors: shorter than a call of memory.copy for what a sample holds. */
export function copyVector(n: i32, x: usize, y: usize): void {
  const end = at(x, n);
  while (x < end) {
    v128.store(y, v128.load(x));
    x += VECTOR_BYTES;
    y += VECTOR_BYTES;
  }
}

/** y = x for n elements of dense arrays. */
export function copyRow(n: i32, x: usize, y: usize): void {
  if (n % LANES == 0) copyVector(n, x, y);
  else memory.copy(y, x, at(0, n));
}

/** out = x - y; out may be one of them. */
export function subtract(n: i32, x: usize, y: usize, out: usize): void {
  for (let i = 0; i < n; i += LANES) {
    v128.store(at(out, i), sub(v128.load(at(x, i)), v128.load(at(y, i))));
  }
}

/** y += factor x. */
export function addMultiple(n: i32, factor: f64, x: usize, y: usize): void {
  const factors = splat(<Real>factor);
  for (let i = 0; i < n; i += LANES) {
    v128.store(at(y, i), add(v128.load(at(y, i)), mul(factors, v128.load(at(x, i)))));
  }
}

/** out = factor x; out may be x. */
export function multiple(n: i32, factor: f64, x: usize, out: usize): void {
  const factors = splat(<Real>factor);
  for (let i = 0; i < n; i += LANES) v128.store(at(out, i), mul(factors, v128.load(at(x, i))));
}
