/** Norms by time step, accumulated in float64: how gradients flow. */
import { Real } from "real";
import { LANES, at } from "../simd";

/** squares[t] += Σ x[t]², x: `elements` elements at each of `steps` steps, `stride` bytes apart; squares: f64[steps]. */
export function addStepSquares(steps: i32, elements: i32, stride: usize, x: usize, squares: usize): void {
  for (let t = 0; t < steps; t++) {
    addTo(squares, t, dot(elements, x, x));
    x += stride;
  }
}

/**
 * squares[t] += <aᵀ b, cᵀ d> at each step, for a, c: Real[rows, m] and b, d: Real[rows, n]: the square of a weight's gradient by its
 * terms, without forming it, since <aᵀ b, cᵀ d> = Σ_ij (a_i · c_j) (b_i · d_j). a = 0 stands for a column of ones (a bias), c too.
 * Strides in bytes.
 */
export function addOuterProducts(
  steps: i32,
  rows: i32,
  m: i32,
  n: i32,
  a: usize,
  aStride: usize,
  b: usize,
  bStride: usize,
  c: usize,
  cStride: usize,
  d: usize,
  dStride: usize,
  squares: usize,
): void {
  const symmetric = a == c && b == d;
  for (let t = 0; t < steps; t++) {
    let sum: f64 = a ? 0 : columnSums(rows, n, b, d);
    for (let i = 0; a && i < rows; i++) {
      for (let j = symmetric ? i : 0; j < rows; j++) {
        const product = dot(m, at(a, i * m), at(c, j * m)) * dot(n, at(b, i * n), at(d, j * n));
        sum += symmetric && j > i ? 2 * product : product;
      }
    }
    addTo(squares, t, sum);
    if (a) a += aStride;
    if (c) c += cStride;
    b += bStride;
    d += dStride;
  }
}

/** (Σ_i b_i) · (Σ_i d_i) of b, d: Real[rows, n]. */
function columnSums(rows: i32, n: i32, b: usize, d: usize): f64 {
  let sum: f64 = 0;
  for (let j = 0; j < n; j++) {
    let left: f64 = 0;
    let right: f64 = 0;
    for (let i = 0; i < rows; i++) {
      left += <f64>load<Real>(at(b, i * n + j));
      right += <f64>load<Real>(at(d, i * n + j));
    }
    sum += left * right;
  }
  return sum;
}

/** Words of an entry of `addSharedProducts`: b, its stride in bytes, n, squares. */
const ENTRY_BYTES: usize = 16;

/**
 * squares_k[t] += ‖aᵀ b_k‖² at each step, for a: Real[rows, m] and several b_k: Real[rows, n_k]: as `addOuterProducts`, with the products of
 * a's rows formed once for all. table: i32[count, 4] of b_k, its stride in bytes, n_k, squares_k.
 */
export function addSharedProducts(
  steps: i32,
  rows: i32,
  m: i32,
  a: usize,
  aStride: usize,
  count: i32,
  table: usize,
): void {
  for (let t = 0; t < steps; t++) {
    for (let i = 0; i < rows; i++) {
      for (let j = i; j < rows; j++) {
        const left = dot(m, at(a, i * m), at(a, j * m)) * (j > i ? 2 : 1);
        for (let k = 0; k < count; k++) {
          const entry = table + <usize>k * ENTRY_BYTES;
          const b = <usize>load<u32>(entry) + <usize>t * <usize>load<u32>(entry, 4);
          const n = load<i32>(entry, 8);
          addTo(<usize>load<u32>(entry, 12), t, left * dot(n, at(b, i * n), at(b, j * n)));
        }
      }
    }
    a += aStride;
  }
}

/** x = √x, f64[n]; what rounding left below 0 is 0. */
export function takeRoots(n: i32, x: usize): void {
  for (let i = 0; i < n; i++) store<f64>(at<f64>(x, i), sqrt<f64>(max<f64>(0, load<f64>(at<f64>(x, i)))));
}

// @ts-ignore: decorator
@inline
function addTo(base: usize, index: i32, value: f64): void {
  store<f64>(at<f64>(base, index), load<f64>(at<f64>(base, index)) + value);
}

/** Σ x y in float64. */
export function dot(n: i32, x: usize, y: usize): f64 {
  const whole = n - (n % 4);
  let even = f64x2.splat(0);
  let odd = f64x2.splat(0);
  for (let i = 0; i < whole; i += 4) {
    even = f64x2.add(even, f64x2.mul(pair(at(x, i)), pair(at(y, i))));
    odd = f64x2.add(odd, f64x2.mul(pair(at(x, i + 2)), pair(at(y, i + 2))));
  }
  const both = f64x2.add(even, odd);
  let sum = f64x2.extract_lane(both, 0) + f64x2.extract_lane(both, 1);
  for (let i = whole; i < n; i++) sum += <f64>load<Real>(at(x, i)) * <f64>load<Real>(at(y, i));
  return sum;
}

/** Two elements as float64. */
// @ts-ignore: decorator
@inline
function pair(x: usize): v128 {
  return LANES == 2 ? v128.load(x) : f64x2.promote_low_f32x4(v128.load64_zero(x));
}
