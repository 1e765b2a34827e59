/** Arithmetic on the vectors of a sample: whole SIMD vectors, the padding being 0. Sums accumulate in float64. */
import { Real } from "real";
import { dot } from "../ops/norms";
import { LANES, VECTOR_BYTES, add, at, mul, splat, sub } from "../simd";

/** ‖f - z‖ and ‖f‖, by the last call of `compare`: read before anything else is run. */
export let differenceNorm: f64 = 0;
export let valueNorm: f64 = 0;

/** Sums of squares outside this range may have lost what is too small, or met what is too large. Squares of float32 numbers never do. */
const LEAST_SQUARES: f64 = 1e-280;
const MOST_SQUARES: f64 = 1e300;

/** Both norms in one pass over n elements, a whole number of vectors. */
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
  const differenceSquares = f64x2.extract_lane(difference, 0) + f64x2.extract_lane(difference, 1);
  const valueSquares = f64x2.extract_lane(value, 0) + f64x2.extract_lane(value, 1);
  f -= at(0, n);
  z -= at(0, n);
  differenceNorm = isExact(differenceSquares) ? sqrt<f64>(differenceSquares) : scaledNorm(n, f, z);
  valueNorm = isExact(valueSquares) ? sqrt<f64>(valueSquares) : scaledNorm(n, f, 0);
}

export function norm(n: i32, x: usize): f64 {
  const squares = dot(n, x, x);
  return isExact(squares) ? sqrt<f64>(squares) : scaledNorm(n, x, 0);
}

// @ts-ignore: decorator
@inline
function isExact(squares: f64): bool {
  return LANES == 4 || (squares > LEAST_SQUARES && squares < MOST_SQUARES);
}

/** ‖x - y‖, or ‖x‖ where y is 0, as s ‖(x - y) / s‖, s being a power of 2 near the greatest element. */
function scaledNorm(n: i32, x: usize, y: usize): f64 {
  let greatest: f64 = 0;
  for (let i = 0; i < n; i++) greatest = max<f64>(greatest, abs<f64>(elementOf(x, y, i)));
  if (!(greatest > 0 && greatest < Infinity)) return greatest;
  const scale = powerNear(greatest);
  let squares: f64 = 0;
  for (let i = 0; i < n; i++) {
    const part = elementOf(x, y, i) * scale;
    squares += part * part;
  }
  return sqrt<f64>(squares) / scale;
}

// @ts-ignore: decorator
@inline
function elementOf(x: usize, y: usize, i: i32): f64 {
  const element = <f64>load<Real>(at(x, i));
  return y ? element - <f64>load<Real>(at(y, i)) : element;
}

/** Exponents of the powers by which numbers are scaled: the power and its inverse are normal numbers. */
const MOST_EXPONENT: i32 = sizeof<Real>() == 4 ? 126 : 1022;

/** A power of 2 that takes x > 0 to about 1. */
export function powerNear(x: f64): f64 {
  const exponent = <i32>((reinterpret<u64>(x) >> 52) & 0x7ff) - 1023;
  const power = max<i32>(-MOST_EXPONENT, min<i32>(MOST_EXPONENT, -exponent));
  return reinterpret<f64>((<u64>(power + 1023)) << 52);
}

/** The greatest |x[i]| of n elements; NaN where there is one. */
export function greatestOf(n: i32, x: usize): f64 {
  let greatest: f64 = 0;
  for (let i = 0; i < n; i++) greatest = max<f64>(greatest, abs<f64>(<f64>load<Real>(at(x, i))));
  return greatest;
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
