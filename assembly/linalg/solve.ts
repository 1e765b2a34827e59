/** Systems of linear equations, in float64 whatever the element type. */
import { Real } from "real";
import { VECTOR_BYTES, at, loadSplat, madd, wholeVectors } from "../simd";

/** float64 numbers in a vector. */
const LANES: i32 = VECTOR_BYTES / sizeof<f64>();

/** Elements of a row [A | B] of the elimination: A's and B's columns, each a whole number of vectors. */
// @ts-ignore: decorator
@inline
function rowElements(n: i32, m: i32): i32 {
  return wholeVectors<f64>(n) + wholeVectors<f64>(m);
}

/** Bytes of scratch that `solve` needs for an A of n rows and a B of m columns. */
export function solveScratch(n: i32, m: i32): i32 {
  return n * rowElements(n, m) * sizeof<f64>();
}

/**
 * x[n, m] = a⁻¹ b for a[n, n], b[n, m], row-major: elimination with partial pivoting on rows [A | B]. A pivot of 0 is
 * divided by like any other: where `a` is singular, x holds infinities or NaN. x may be `a` or `b`.
 *
 * @returns the size of the least pivot over that of the greatest
 * @see Higham, Accuracy and Stability of Numerical Algorithms, section 9.1
 */
export function solve(n: i32, m: i32, a: usize, b: usize, scratch: usize, x: usize): f64 {
  const width = rowElements(n, m);
  const right = wholeVectors<f64>(n);
  widen(n, n, width, a, scratch);
  widen(n, m, width, b, at<f64>(scratch, right));
  let least: f64 = Infinity;
  let greatest: f64 = 0;
  for (let k = 0; k < n; k++) {
    swapRows(width, row(scratch, width, k), row(scratch, width, pivotRow(n, width, k, scratch)));
    const pivot = abs<f64>(load<f64>(at<f64>(row(scratch, width, k), k)));
    least = min<f64>(least, pivot);
    greatest = max<f64>(greatest, pivot);
    eliminate(n, width, k, scratch);
  }
  for (let k = n - 1; k >= 0; k--) substitute(right, width, k, scratch);
  narrow(n, m, width, at<f64>(scratch, right), x);
  return least / greatest;
}

// @ts-ignore: decorator
@inline
function row(scratch: usize, width: i32, i: i32): usize {
  return at<f64>(scratch, i * width);
}

/** to[i, j] = from[i, j], zeros in the columns up to the next whole vector. */
function widen(rows: i32, columns: i32, width: i32, from: usize, to: usize): void {
  const whole = wholeVectors<f64>(columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) store<f64>(at<f64>(to, j), <f64>load<Real>(at(from, j)));
    for (let j = columns; j < whole; j++) store<f64>(at<f64>(to, j), 0);
    from = at(from, columns);
    to = at<f64>(to, width);
  }
}

function narrow(rows: i32, columns: i32, width: i32, from: usize, to: usize): void {
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) store<Real>(at(to, j), <Real>load<f64>(at<f64>(from, j)));
    from = at<f64>(from, width);
    to = at(to, columns);
  }
}

/** The row from k on with the greatest |A[i, k]|; the first of equals, k itself where nothing compares. */
function pivotRow(n: i32, width: i32, k: i32, scratch: usize): i32 {
  let best = k;
  let greatest: f64 = 0;
  for (let i = k; i < n; i++) {
    const size = abs<f64>(load<f64>(at<f64>(scratch, i * width + k)));
    if (size > greatest) {
      greatest = size;
      best = i;
    }
  }
  return best;
}

function swapRows(width: i32, a: usize, b: usize): void {
  if (a == b) return;
  for (let j = 0; j < width; j += LANES) {
    const held = v128.load(at<f64>(a, j));
    v128.store(at<f64>(a, j), v128.load(at<f64>(b, j)));
    v128.store(at<f64>(b, j), held);
  }
}

/** Subtracts row k from those below so that column k vanishes there; what stands left of it is not read again. */
function eliminate(n: i32, width: i32, k: i32, scratch: usize): void {
  const own = row(scratch, width, k);
  const pivot = load<f64>(at<f64>(own, k));
  const first = (k + 1) & ~(LANES - 1);
  for (let i = k + 1; i < n; i++) {
    const other = row(scratch, width, i);
    addMultiple(first, width, -load<f64>(at<f64>(other, k)) / pivot, own, other);
  }
}

/** B[k] /= A[k, k], then subtracts it from the rows above. */
function substitute(right: i32, width: i32, k: i32, scratch: usize): void {
  const own = row(scratch, width, k);
  const pivot = loadSplat<f64>(at<f64>(own, k));
  for (let j = right; j < width; j += LANES) {
    v128.store(at<f64>(own, j), v128.div<f64>(v128.load(at<f64>(own, j)), pivot));
  }
  for (let i = 0; i < k; i++) {
    const other = row(scratch, width, i);
    addMultiple(right, width, -load<f64>(at<f64>(other, k)), own, other);
  }
}

/** y[j] += factor x[j] for j in [from, to), whole vectors. */
function addMultiple(from: i32, to: i32, factor: f64, x: usize, y: usize): void {
  const factors = v128.splat<f64>(factor);
  const end = at<f64>(x, to);
  x = at<f64>(x, from);
  y = at<f64>(y, from);
  while (x < end) {
    v128.store(y, madd<f64>(factors, v128.load(x), v128.load(y)));
    x += VECTOR_BYTES;
    y += VECTOR_BYTES;
  }
}
