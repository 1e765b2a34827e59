/** Eigenvalues of small Hessenberg matrices in float64. */
import { at } from "../simd";

/** QR steps for one eigenvalue before the largest one found so far is taken. */
const LIMIT: i32 = 60;
/** After this many without deflation an exceptional shift is taken. */
const EXCEPTIONAL: i32 = 10;
const UNIT: f64 = 2.220446049250313e-16; // 2^-52

/**
 * The greatest modulus of the eigenvalues of the upper Hessenberg matrix h: f64[n, n], row-major, which is overwritten: Francis's
 * double-shift QR, so that complex pairs come out of real arithmetic.
 *
 * @see Golub and Van Loan, Matrix Computations, 4th edition, algorithm 7.5.1
 */
export function largestEigenvalue(n: i32, h: usize): f64 {
  let greatest: f64 = 0;
  let high = n - 1;
  let steps = 0;
  while (high >= 0) {
    const low = smallestRow(n, h, high);
    if (low == high) {
      greatest = max<f64>(greatest, abs<f64>(get(n, h, high, high)));
      high -= 1;
      steps = 0;
    } else if (low == high - 1) {
      greatest = max<f64>(greatest, pairModulus(n, h, high));
      high -= 2;
      steps = 0;
    } else if (steps == LIMIT) {
      return max<f64>(greatest, pairModulus(n, h, high));
    } else {
      steps++;
      francis(n, h, low, high, steps % EXCEPTIONAL == 0);
    }
  }
  return greatest;
}

// @ts-ignore: decorator
@inline
function get(n: i32, h: usize, i: i32, j: i32): f64 {
  return load<f64>(at<f64>(h, i * n + j));
}

// @ts-ignore: decorator
@inline
function set(n: i32, h: usize, i: i32, j: i32, x: f64): void {
  store<f64>(at<f64>(h, i * n + j), x);
}

/** The first row of the unreduced block that ends at `high`. */
function smallestRow(n: i32, h: usize, high: i32): i32 {
  for (let i = high; i > 0; i--) {
    const size = abs<f64>(get(n, h, i, i)) + abs<f64>(get(n, h, i - 1, i - 1));
    const entry = abs<f64>(get(n, h, i, i - 1));
    if (entry <= UNIT * size || entry == 0) {
      set(n, h, i, i - 1, 0);
      return i;
    }
  }
  return 0;
}

/** The greater modulus of the eigenvalues of the 2 x 2 block that ends at `high`. */
function pairModulus(n: i32, h: usize, high: i32): f64 {
  const a = get(n, h, high - 1, high - 1);
  const d = get(n, h, high, high);
  const bc = get(n, h, high - 1, high) * get(n, h, high, high - 1);
  const half = 0.5 * (a - d);
  const discriminant = half * half + bc;
  const middle = 0.5 * (a + d);
  if (discriminant < 0) return sqrt<f64>(middle * middle - discriminant);
  return abs<f64>(middle) + sqrt<f64>(discriminant);
}

/** One double-shift step on rows and columns [low, high]. */
function francis(n: i32, h: usize, low: i32, high: i32, exceptional: bool): void {
  let trace = get(n, h, high - 1, high - 1) + get(n, h, high, high);
  let determinant =
    get(n, h, high - 1, high - 1) * get(n, h, high, high) - get(n, h, high - 1, high) * get(n, h, high, high - 1);
  if (exceptional) {
    const size = abs<f64>(get(n, h, high, high - 1)) + abs<f64>(get(n, h, high - 1, high - 2));
    trace = 1.5 * size;
    determinant = size * size;
  }
  const a = get(n, h, low, low);
  const below = get(n, h, low + 1, low);
  let x = a * a + get(n, h, low, low + 1) * below - trace * a + determinant;
  let y = below * (a + get(n, h, low + 1, low + 1) - trace);
  let z = below * get(n, h, low + 2, low + 1);
  for (let k = low; k < high; k++) {
    const last = min(k + 2, high);
    reflect(n, h, low, high, k, last, x, y, z);
    x = get(n, h, k + 1, k);
    y = k + 2 <= high ? get(n, h, k + 2, k) : 0;
    z = k + 3 <= high ? get(n, h, k + 3, k) : 0;
  }
}

/** A Householder reflection that maps (x, y, z) to a multiple of e1, on rows and columns k to `last`. */
function reflect(n: i32, h: usize, low: i32, high: i32, k: i32, last: i32, x: f64, y: f64, z: f64): void {
  const isThree = last == k + 2;
  const size = sqrt<f64>(x * x + y * y + (isThree ? z * z : 0));
  if (size == 0) return;
  const alpha = x > 0 ? -size : size;
  const u0 = x - alpha;
  const u1 = y;
  const u2 = isThree ? z : 0;
  const factor = 2 / (u0 * u0 + u1 * u1 + u2 * u2);
  for (let j = max(low, k - 1); j <= high; j++) {
    const third = isThree ? get(n, h, k + 2, j) : 0;
    const sum = factor * (u0 * get(n, h, k, j) + u1 * get(n, h, k + 1, j) + u2 * third);
    set(n, h, k, j, get(n, h, k, j) - sum * u0);
    set(n, h, k + 1, j, get(n, h, k + 1, j) - sum * u1);
    if (isThree) set(n, h, k + 2, j, third - sum * u2);
  }
  for (let i = low; i <= min(k + 3, high); i++) {
    const third = isThree ? get(n, h, i, k + 2) : 0;
    const sum = factor * (u0 * get(n, h, i, k) + u1 * get(n, h, i, k + 1) + u2 * third);
    set(n, h, i, k, get(n, h, i, k) - sum * u0);
    set(n, h, i, k + 1, get(n, h, i, k + 1) - sum * u1);
    if (isThree) set(n, h, i, k + 2, third - sum * u2);
  }
}
