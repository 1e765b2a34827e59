/**
 * Newton's method: (I - J) d = F(z) - z by GMRES on the tangent program, then a search along d, each sample its own. The inner
 * system is solved the better the nearer the fixed point is.
 *
 * @see Eisenstat and Walker 1996, https://doi.org/10.1137/0917003
 */
import { Real } from "real";
import { arrive, measure, stop } from "./arrive";
import { addSolution, appendToBasis, beginSpace, coefficients, rotate, vectorsOfKrylov } from "./krylov";
import {
  OWN,
  POINT,
  REQUEST_VALUE,
  Sample,
  VALUE,
  VECTOR,
  askForProduct,
  halveStep,
  vector,
  vectorElements,
} from "./sample";
import * as solves from "./solve";
import { Solve } from "./solve";
import { addMultiple, copyVector, subtract } from "./vectors";

const BASE: i32 = OWN; // where the line search began
const DIRECTION: i32 = OWN + 1;
const BASIS: i32 = OWN + 2;

const FIRST: i32 = 0; // waits for the value at the first point
const INNER: i32 = 1; // waits for J times the newest basis vector
const SEARCH: i32 = 2; // waits for the value at a trial

/** The inner residual is brought to between these shares of the outer one. */
const LOOSEST: f64 = 0.1;
const TIGHTEST: f64 = 1e-4;
/** Share of the residual by which a step of length 1 must at least fall. */
const DESCENT: f64 = 1e-4;
/** Halvings of a step before it is taken as it is. */
const TRIES: i32 = 8;

export function vectorsOfNewton(krylov: i32): i32 {
  return 2 + vectorsOfKrylov(krylov);
}

export function advanceNewton(solve: Solve, sample: Sample): void {
  if (sample.phase == INNER) return extend(solve, sample);
  if (sample.phase == SEARCH && isTooFar(solve, sample)) return;
  if (!arrive(solve, sample)) return;
  beginInner(solve, sample);
}

function beginInner(solve: Solve, sample: Sample): void {
  const n = vectorElements(solve.columns);
  const point = vector(solve, sample, POINT);
  const residual = vector(solve, sample, VALUE);
  subtract(n, residual, point, residual);
  copyVector(n, point, vector(solve, sample, BASE));
  const fall = sample.phase == FIRST ? 1 : sample.norm / sample.base;
  sample.base = sample.norm;
  sample.a = max<f64>(TIGHTEST, min<f64>(LOOSEST, fall * fall)) * sample.norm;
  beginSpace(solve, sample, BASIS, residual);
  askForProduct(solve, sample, BASIS + sample.held, INNER);
}

function extend(solve: Solve, sample: Sample): void {
  const n = vectorElements(solve.columns);
  const product = vector(solve, sample, VALUE);
  subtract(n, vector(solve, sample, VECTOR), product, product);
  const left = appendToBasis(solve, sample, BASIS, product);
  if (!(left < Infinity)) {
    stop(sample, solves.OUTCOME_NON_FINITE);
    return;
  }
  const estimate = rotate(solve, sample);
  if (left > 0 && estimate > sample.a && sample.held < solve.krylov)
    return askForProduct(solve, sample, BASIS + sample.held, INNER);
  const direction = vector(solve, sample, DIRECTION);
  memory.fill(direction, 0, <usize>n * sizeof<Real>());
  coefficients(solve, sample);
  addSolution(solve, sample, BASIS, direction);
  sample.iterations++;
  sample.tries = 0;
  sample.length = 1;
  addMultiple(n, 1, direction, vector(solve, sample, POINT));
  sample.phase = SEARCH;
  sample.request = REQUEST_VALUE;
}

/** Halves the step where the residual has not fallen enough: true while the search goes on. */
function isTooFar(solve: Solve, sample: Sample): bool {
  measure(solve, sample);
  if (sample.norm <= (1 - DESCENT * sample.length) * sample.base || sample.tries == TRIES) return false;
  halveStep(solve, sample, BASE, DIRECTION);
  return true;
}
