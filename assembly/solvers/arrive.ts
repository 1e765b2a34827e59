/** What happens at every iterate, whatever the method: measured, kept if it is the best, and perhaps the last. */
import { Real } from "real";
import { at } from "../simd";
import { BEST, POINT, REQUEST_NOTHING, Sample, VALUE, vector, vectorElements } from "./sample";
import * as solves from "./solve";
import { Solve } from "./solve";
import { compare, copyVector, differenceNorm, valueNorm } from "./vectors";

/** ‖g‖ over ‖v‖ that is never taken for singular, however loose the tolerance: about the root of a unit's rounding. */
const LOOSEST: f64 = sizeof<Real>() == 4 ? 0.000244140625 : 1.4901161193847656e-8; // 2^-12, 2^-26
/** … that elimination takes for singular: as many units of rounding as it may make. */
const EXACT: f64 = sizeof<Real>() == 4 ? 9.5367431640625e-7 : 5.684341886080802e-14; // 2^-20, 2^-44

/** The residual of the undamped map at POINT, F(z) having arrived in VALUE, in the units of the stopping rule. */
export function measure(solve: Solve, sample: Sample): f64 {
  compare(vectorElements(solve.columns), vector(solve, sample, VALUE), vector(solve, sample, POINT));
  sample.norm = differenceNorm;
  return inUnits(solve, sample, differenceNorm, valueNorm);
}

/** A residual's norm in the units of the stopping rule, ‖F(z)‖ being `size`, both scaled as the sample is. Beside 0 every residual is infinite. */
export function inUnits(solve: Solve, sample: Sample, difference: f64, size: f64): f64 {
  const one = sample.scale;
  if (solve.mode == solves.MODE_ABSOLUTE) return difference / one;
  if (solve.mode == solves.MODE_MIXED) return difference / (one + size);
  return difference == 0 ? 0 : difference / size;
}

/** Takes note of the iterate at POINT; false where the sample stops here. */
export function arrive(solve: Solve, sample: Sample): bool {
  const residual = measure(solve, sample);
  record(solve, sample, residual);
  if (!(sample.norm < Infinity)) return stop(sample, solves.OUTCOME_NON_FINITE);
  sample.last = residual;
  if (sample.iterations == 0) sample.first = sample.norm;
  if (residual < sample.residual) keep(solve, sample, residual);
  if (solve.terms) return true;
  if (residual <= solve.tolerance)
    return stop(sample, isLost(solve, sample) ? solves.OUTCOME_SINGULAR : solves.OUTCOME_CONVERGED);
  if (sample.iterations >= solve.maxIterations) return stop(sample, solves.OUTCOME_MAX_ITERATIONS);
  return true;
}

/**
 * Is a solution v of (I - J) v = g so large that g is within the tolerance of 0 beside it? Such a v tells of a direction that I - J takes to
 * 0, as far as the tolerance tells, and of g nothing.
 */
function isLost(solve: Solve, sample: Sample): bool {
  if (!solve.constant || solve.mode == solves.MODE_ABSOLUTE) return false;
  // elimination solves as well as rounding lets it, whatever the tolerance
  const share = solve.method == solves.METHOD_LU ? EXACT : min<f64>(solve.tolerance, LOOSEST);
  return sample.iterations > 0 && sample.first <= share * valueNorm;
}

/** POINT becomes the best iterate. */
export function keep(solve: Solve, sample: Sample, residual: f64): void {
  sample.residual = residual;
  sample.bestAt = sample.iterations;
  copyVector(vectorElements(solve.columns), vector(solve, sample, POINT), vector(solve, sample, BEST));
}

/** The residual of the current iteration goes into the trace. */
export function record(solve: Solve, sample: Sample, residual: f64): void {
  const index = min(sample.iterations, solve.maxIterations) * solve.steps * solve.rows + sample.row;
  store<f64>(at<f64>(solve.traces, index), residual);
}

export function stop(sample: Sample, outcome: i32): bool {
  sample.outcome = outcome;
  sample.request = REQUEST_NOTHING;
  return false;
}
