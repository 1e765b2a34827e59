/**
 * Restarted GMRES for (I - J) v = g, where VALUE is J v + g: so a cycle begins with the residual VALUE - v, and every cycle's result is
 * measured anew.
 *
 * @see Saad and Schultz 1986, https://doi.org/10.1137/0907058
 */
import { arrive, inUnits, record, stop } from "./arrive";
import { addSolution, appendToBasis, beginSpace, coefficients, rotate } from "./krylov";
import { OWN, POINT, REQUEST_VALUE, Sample, VALUE, VECTOR, askForProduct, vector, vectorElements } from "./sample";
import * as solves from "./solve";
import { Solve } from "./solve";
import { norm, subtract } from "./vectors";

const BASIS: i32 = OWN;

const CYCLE: i32 = 0; // waits for the value at v
const PRODUCT: i32 = 1; // waits for J times the newest basis vector
const WHOLE: i32 = 2; // as CYCLE, after a space that is closed under I - J

/** A cycle ends where its own estimate is this share of the tolerance: rounding must not send it round again. */
const MARGIN: f64 = 0.5;
/** A cycle that leaves more than this share of the residual counts as one without progress; two in a row are the end. */
const STALLED: f64 = 0.99;
/** A regular matrix has its solution in a closed space: where more than this share of g is left there, it is singular. */
const OUTSIDE: f64 = 1e-3;

export function advanceGmres(solve: Solve, sample: Sample): void {
  if (sample.phase == PRODUCT) extend(solve, sample);
  else beginCycle(solve, sample);
}

function beginCycle(solve: Solve, sample: Sample): void {
  if (!arrive(solve, sample)) return;
  const n = vectorElements(solve.columns);
  const residual = vector(solve, sample, VALUE);
  subtract(n, residual, vector(solve, sample, POINT), residual);
  sample.tries = sample.iterations > 0 && sample.norm > STALLED * sample.base ? sample.tries + 1 : 0;
  if (sample.tries == 2) {
    const isSingular = sample.phase == WHOLE && sample.norm > OUTSIDE * sample.first;
    stop(sample, isSingular ? solves.OUTCOME_SINGULAR : solves.OUTCOME_STAGNATED);
    return;
  }
  sample.base = sample.norm;
  // ‖v‖ before the cycle
  sample.a = norm(n, vector(solve, sample, POINT));
  beginSpace(solve, sample, BASIS, residual);
  askForProduct(solve, sample, BASIS + sample.held, PRODUCT);
}

function extend(solve: Solve, sample: Sample): void {
  const n = vectorElements(solve.columns);
  const product = vector(solve, sample, VALUE);
  subtract(n, vector(solve, sample, VECTOR), product, product);
  const left = appendToBasis(solve, sample, BASIS, product);
  sample.iterations++;
  if (!(left < Infinity)) {
    record(solve, sample, left);
    stop(sample, solves.OUTCOME_NON_FINITE);
    return;
  }
  const estimate = rotate(solve, sample);
  const size = coefficients(solve, sample);
  const residual = inUnits(solve, sample, estimate, max<f64>(sample.a, size));
  record(solve, sample, residual);
  const isFull = sample.held == solve.krylov || sample.iterations >= solve.maxIterations;
  if (left > 0 && !isFull && residual > MARGIN * solve.tolerance)
    return askForProduct(solve, sample, BASIS + sample.held, PRODUCT);
  addSolution(solve, sample, BASIS, vector(solve, sample, POINT));
  sample.phase = left > 0 ? CYCLE : WHOLE;
  sample.request = REQUEST_VALUE;
}
