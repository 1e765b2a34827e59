/**
 * A sample's Krylov space of A = I - J (or of J itself): an orthonormal basis in vectors, and the Hessenberg matrix in float64
 * numbers, kept triangular by rotations for least squares.
 *
 * @see Saad, Iterative Methods for Sparse Linear Systems, 2nd edition, sections 6.3 and 6.5
 */
import { Real } from "real";
import { dot } from "../ops/norms";
import { at } from "../simd";
import { Sample, scalar, vector, vectorElements } from "./sample";
import { Solve } from "./solve";
import { addMultiple, copyVector, multiple, norm } from "./vectors";

/** What is left of a vector by no more than this share of it rounding alone may leave: nothing. */
const ROUNDING: f64 = sizeof<Real>() == 4 ? 1e-6 : 1e-14;

/** Columns of H behind each other (m + 1 long), cosines, sines, the right side, the solution. */
export function scalarsOfKrylov(m: i32): i32 {
  return m * (m + 1) + 2 * m + (m + 1) + m;
}

/** The basis. */
export function vectorsOfKrylov(m: i32): i32 {
  return m + 1;
}

// @ts-ignore: decorator
@inline
export function hessenberg(m: i32, sample: Sample, i: i32, j: i32): usize {
  return scalar(sample, j * (m + 1) + i);
}

// @ts-ignore: decorator
@inline
function cosine(m: i32, sample: Sample, j: i32): usize {
  return scalar(sample, m * (m + 1) + j);
}

// @ts-ignore: decorator
@inline
function sine(m: i32, sample: Sample, j: i32): usize {
  return scalar(sample, m * (m + 2) + j);
}

// @ts-ignore: decorator
@inline
function right(m: i32, sample: Sample, j: i32): usize {
  return scalar(sample, m * (m + 3) + j);
}

// @ts-ignore: decorator
@inline
function solution(m: i32, sample: Sample, j: i32): usize {
  return scalar(sample, m * (m + 4) + 1 + j);
}

/** Begins with the direction of x; returns ‖x‖. `basis` is the index of the first basis vector. */
export function beginSpace(solve: Solve, sample: Sample, basis: i32, x: usize): f64 {
  const n = vectorElements(solve.columns);
  const size = norm(n, x);
  sample.held = 0;
  if (size > 0) multiple(n, 1 / size, x, vector(solve, sample, basis));
  store<f64>(right(solve.krylov, sample, 0), size);
  return size;
}

/** Orthogonalises w = A v_held against the basis, twice, and appends it; returns what was left of it. */
export function appendToBasis(solve: Solve, sample: Sample, basis: i32, w: usize): f64 {
  const n = vectorElements(solve.columns);
  const m = solve.krylov;
  const j = sample.held;
  const before = norm(n, w);
  for (let i = 0; i <= j; i++) store<f64>(hessenberg(m, sample, i, j), 0);
  for (let pass = 0; pass < 2; pass++) {
    for (let i = 0; i <= j; i++) {
      const v = vector(solve, sample, basis + i);
      const share = dot(n, v, w);
      addMultiple(n, -share, v, w);
      const place = hessenberg(m, sample, i, j);
      store<f64>(place, load<f64>(place) + share);
    }
  }
  const left = norm(n, w);
  if (!(left < Infinity)) return left;
  const isLeft = left > before * ROUNDING;
  store<f64>(hessenberg(m, sample, j + 1, j), isLeft ? left : 0);
  if (isLeft) multiple(n, 1 / left, w, vector(solve, sample, basis + j + 1));
  return isLeft ? left : 0;
}

/** Rotates the newest column into the triangle; returns the norm of the residual of the least squares so far. */
export function rotate(solve: Solve, sample: Sample): f64 {
  const m = solve.krylov;
  const j = sample.held;
  for (let i = 0; i < j; i++) turn(m, sample, i, hessenberg(m, sample, i, j), hessenberg(m, sample, i + 1, j));
  const a = load<f64>(hessenberg(m, sample, j, j));
  const b = load<f64>(hessenberg(m, sample, j + 1, j));
  const size = sqrt<f64>(a * a + b * b);
  store<f64>(cosine(m, sample, j), size > 0 ? a / size : 1);
  store<f64>(sine(m, sample, j), size > 0 ? b / size : 0);
  turn(m, sample, j, hessenberg(m, sample, j, j), hessenberg(m, sample, j + 1, j));
  store<f64>(right(m, sample, j + 1), 0);
  turn(m, sample, j, right(m, sample, j), right(m, sample, j + 1));
  sample.held = j + 1;
  return abs<f64>(load<f64>(right(m, sample, j + 1)));
}

function turn(m: i32, sample: Sample, i: i32, x: usize, y: usize): void {
  const c = load<f64>(cosine(m, sample, i));
  const s = load<f64>(sine(m, sample, i));
  const a = load<f64>(x);
  const b = load<f64>(y);
  store<f64>(x, c * a + s * b);
  store<f64>(y, c * b - s * a);
}

/** Coefficients of the least-squares solution in the basis; returns their norm. A column whose diagonal is 0 takes no part. */
export function coefficients(solve: Solve, sample: Sample): f64 {
  const m = solve.krylov;
  let squares: f64 = 0;
  for (let i = sample.held - 1; i >= 0; i--) {
    let sum = load<f64>(right(m, sample, i));
    for (let j = i + 1; j < sample.held; j++) {
      sum -= load<f64>(hessenberg(m, sample, i, j)) * load<f64>(solution(m, sample, j));
    }
    const pivot = load<f64>(hessenberg(m, sample, i, i));
    const y = pivot == 0 ? 0 : sum / pivot;
    store<f64>(solution(m, sample, i), y);
    squares += y * y;
  }
  return sqrt<f64>(squares);
}

/** x += V y, y being the coefficients last computed. */
export function addSolution(solve: Solve, sample: Sample, basis: i32, x: usize): void {
  const n = vectorElements(solve.columns);
  for (let i = 0; i < sample.held; i++) {
    addMultiple(n, load<f64>(solution(solve.krylov, sample, i)), vector(solve, sample, basis + i), x);
  }
}
