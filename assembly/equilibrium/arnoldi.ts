/**
 * The spectral radius of J by Arnoldi's process: the largest of the Ritz values, complex pairs included. It ends where the estimate has settled, where
 * the space is invariant, or where it holds `krylov` vectors.
 *
 * @see Saad, Numerical Methods for Large Eigenvalue Problems, 2nd edition, section 6.2
 */
import { at } from "../simd";
import { stop } from "./arrive";
import { appendToBasis, beginSpace, hessenberg, scalarsOfKrylov, vectorsOfKrylov } from "./krylov";
import { largestEigenvalue } from "./eigenvalues";
import { OWN, POINT, Sample, VALUE, askForProduct, scalar, vector } from "./sample";
import * as solves from "./solve";
import { Solve } from "./solve";

const BASIS: i32 = OWN;
/** Vectors between two estimates; two that agree end the process. */
const STRIDE: i32 = 6;

export function scalarsOfArnoldi(m: i32): i32 {
  return scalarsOfKrylov(m) + m * m;
}

export function vectorsOfArnoldi(m: i32): i32 {
  return vectorsOfKrylov(m);
}

/** The first call finds a direction at POINT; the radius is left as the sample's residual. */
export function advanceArnoldi(solve: Solve, sample: Sample): void {
  if (sample.phase == 0) beginSpace(solve, sample, BASIS, vector(solve, sample, POINT));
  else if (isSettled(solve, sample)) return;
  askForProduct(solve, sample, BASIS + sample.held, 1);
}

function isSettled(solve: Solve, sample: Sample): bool {
  const left = appendToBasis(solve, sample, BASIS, vector(solve, sample, VALUE));
  sample.held++;
  sample.iterations++;
  if (!(left < Infinity)) return !stop(sample, solves.OUTCOME_NON_FINITE);
  const isWhole = left == 0 || sample.held == solve.columns;
  const isFull = sample.held == solve.krylov;
  if (!isWhole && !isFull && sample.held % STRIDE != 0) return false;
  const before = sample.residual;
  sample.residual = radius(solve, sample);
  const change = abs<f64>(sample.residual - before);
  sample.tries = change <= solve.tolerance * sample.residual ? sample.tries + 1 : 0;
  if (isWhole || sample.tries == 2) return !stop(sample, solves.OUTCOME_CONVERGED);
  return isFull && !stop(sample, solves.OUTCOME_MAX_ITERATIONS);
}

function radius(solve: Solve, sample: Sample): f64 {
  const m = solve.krylov;
  const size = sample.held;
  const copy = scalar(sample, scalarsOfKrylov(m));
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      const entry = i <= j + 1 ? load<f64>(hessenberg(m, sample, i, j)) : 0;
      store<f64>(at<f64>(copy, i * size + j), entry);
    }
  }
  return largestEigenvalue(size, copy);
}
