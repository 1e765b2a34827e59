/**
 * BiCGSTAB for (I - J) v = g, where VALUE is J v + g: little memory, two products an iteration. Where it breaks down it starts anew from the
 * vector it has; a start from which nothing moves is the end.
 *
 * @see van der Vorst 1992, https://doi.org/10.1137/0913035
 */
import { dot } from "../ops/norms";
import { arrive, inUnits, record, stop } from "./arrive";
import { OWN, POINT, REQUEST_VALUE, Sample, VALUE, VECTOR, askForProduct, vector, vectorElements } from "./sample";
import * as solves from "./solve";
import { Solve } from "./solve";
import { addMultiple, copyVector, multiple, norm, subtract } from "./vectors";

const RESIDUAL: i32 = OWN;
const SHADOW: i32 = OWN + 1; // the residual at the start
const DIRECTION: i32 = OWN + 2;
const PRODUCT: i32 = OWN + 3; // A times the direction

const START: i32 = 0; // waits for the value at v
const ALONG: i32 = 1; // waits for A times the direction
const ACROSS: i32 = 2; // waits for A times the residual between

/** An inner product smaller than this share of the norms is a breakdown. */
const SMALL: f64 = 1e-14;
/** The recurrence ends where its residual is this share of the tolerance; the true one is measured then. */
const MARGIN: f64 = 0.5;
/** Starts without progress before it gives up. */
const STARTS: i32 = 3;

export function vectorsOfBicgstab(): i32 {
  return 4;
}

export function advanceBicgstab<T>(solve: Solve, sample: Sample): void {
  if (sample.phase == START) return begin<T>(solve, sample);
  const n = vectorElements<T>(solve.columns);
  const product = vector<T>(solve, sample, VALUE);
  subtract<T>(n, vector<T>(solve, sample, VECTOR), product, product);
  if (sample.phase == ALONG) alongDirection<T>(solve, sample, product);
  else acrossResidual<T>(solve, sample, product);
}

function begin<T>(solve: Solve, sample: Sample): void {
  if (!arrive<T>(solve, sample)) return;
  const n = vectorElements<T>(solve.columns);
  const residual = vector<T>(solve, sample, RESIDUAL);
  subtract<T>(n, vector<T>(solve, sample, VALUE), vector<T>(solve, sample, POINT), residual);
  sample.tries = sample.iterations > 0 && sample.norm > 0.5 * sample.base ? sample.tries + 1 : 0;
  if (sample.tries == STARTS) {
    stop(sample, solves.OUTCOME_BREAKDOWN);
    return;
  }
  sample.base = sample.norm;
  copyVector<T>(n, residual, vector<T>(solve, sample, SHADOW));
  copyVector<T>(n, residual, vector<T>(solve, sample, DIRECTION));
  sample.a = dot<T>(n, residual, residual);
  askForProduct<T>(solve, sample, DIRECTION, ALONG);
}

/** Measures v itself, and starts anew from there unless it is good. */
function restart(sample: Sample): void {
  sample.phase = START;
  sample.request = REQUEST_VALUE;
}

/** alpha = ρ / (shadow · A p); the residual between is r - alpha A p. */
function alongDirection<T>(solve: Solve, sample: Sample, product: usize): void {
  const n = vectorElements<T>(solve.columns);
  const shadow = vector<T>(solve, sample, SHADOW);
  const residual = vector<T>(solve, sample, RESIDUAL);
  const direction = vector<T>(solve, sample, DIRECTION);
  const denominator = dot<T>(n, shadow, product);
  sample.iterations++;
  if (!(abs<f64>(denominator) > SMALL * norm<T>(n, shadow) * norm<T>(n, product))) return restart(sample);
  const alpha = sample.a / denominator;
  copyVector<T>(n, product, vector<T>(solve, sample, PRODUCT));
  addMultiple<T>(n, -alpha, product, residual);
  addMultiple<T>(n, alpha, direction, vector<T>(solve, sample, POINT));
  sample.b = alpha;
  if (isSmall<T>(solve, sample, residual)) return restart(sample);
  askForProduct<T>(solve, sample, RESIDUAL, ACROSS);
}

/** omega makes the residual least along A s; the next direction follows. */
function acrossResidual<T>(solve: Solve, sample: Sample, product: usize): void {
  const n = vectorElements<T>(solve.columns);
  const residual = vector<T>(solve, sample, RESIDUAL);
  const direction = vector<T>(solve, sample, DIRECTION);
  const size = dot<T>(n, product, product);
  const omega = size > 0 ? dot<T>(n, product, residual) / size : 0;
  addMultiple<T>(n, omega, residual, vector<T>(solve, sample, POINT));
  addMultiple<T>(n, -omega, product, residual);
  if (isSmall<T>(solve, sample, residual) || sample.iterations >= solve.maxIterations) return restart(sample);
  const shadow = vector<T>(solve, sample, SHADOW);
  const next = dot<T>(n, shadow, residual);
  const isBroken = !(abs<f64>(next) > SMALL * norm<T>(n, shadow) * norm<T>(n, residual)) || omega == 0;
  if (isBroken) return restart(sample);
  const beta = (next / sample.a) * (sample.b / omega);
  sample.a = next;
  // p = r + beta (p - omega A p)
  addMultiple<T>(n, -omega, vector<T>(solve, sample, PRODUCT), direction);
  multiple<T>(n, beta, direction, direction);
  addMultiple<T>(n, 1, residual, direction);
  askForProduct<T>(solve, sample, DIRECTION, ALONG);
}

/** By the recurrence's own residual, which also goes into the trace. */
function isSmall<T>(solve: Solve, sample: Sample, residual: usize): bool {
  const n = vectorElements<T>(solve.columns);
  const size = norm<T>(n, residual);
  const units = inUnits(solve, size, norm<T>(n, vector<T>(solve, sample, POINT)));
  if (units < Infinity) record(solve, sample, units);
  return !(units > MARGIN * solve.tolerance);
}
