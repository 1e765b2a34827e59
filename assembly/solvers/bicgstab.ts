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

export function advanceBicgstab(solve: Solve, sample: Sample): void {
  if (sample.phase == START) return begin(solve, sample);
  const n = vectorElements(solve.columns);
  const product = vector(solve, sample, VALUE);
  subtract(n, vector(solve, sample, VECTOR), product, product);
  if (sample.phase == ALONG) alongDirection(solve, sample, product);
  else acrossResidual(solve, sample, product);
}

function begin(solve: Solve, sample: Sample): void {
  if (!arrive(solve, sample)) return;
  const n = vectorElements(solve.columns);
  const residual = vector(solve, sample, RESIDUAL);
  subtract(n, vector(solve, sample, VALUE), vector(solve, sample, POINT), residual);
  sample.tries = sample.iterations > 0 && sample.norm > 0.5 * sample.base ? sample.tries + 1 : 0;
  if (sample.tries == STARTS) {
    stop(sample, solves.OUTCOME_BREAKDOWN);
    return;
  }
  sample.base = sample.norm;
  copyVector(n, residual, vector(solve, sample, SHADOW));
  copyVector(n, residual, vector(solve, sample, DIRECTION));
  sample.a = dot(n, residual, residual);
  askForProduct(solve, sample, DIRECTION, ALONG);
}

/** Measures v itself, and starts anew from there unless it is good. */
function restart(sample: Sample): void {
  sample.phase = START;
  sample.request = REQUEST_VALUE;
}

/** alpha = ρ / (shadow · A p); the residual between is r - alpha A p. */
function alongDirection(solve: Solve, sample: Sample, product: usize): void {
  const n = vectorElements(solve.columns);
  const shadow = vector(solve, sample, SHADOW);
  const residual = vector(solve, sample, RESIDUAL);
  const direction = vector(solve, sample, DIRECTION);
  const denominator = dot(n, shadow, product);
  sample.iterations++;
  if (!(abs<f64>(denominator) > SMALL * norm(n, shadow) * norm(n, product))) return restart(sample);
  const alpha = sample.a / denominator;
  copyVector(n, product, vector(solve, sample, PRODUCT));
  addMultiple(n, -alpha, product, residual);
  addMultiple(n, alpha, direction, vector(solve, sample, POINT));
  sample.b = alpha;
  if (isSmall(solve, sample, residual)) return restart(sample);
  askForProduct(solve, sample, RESIDUAL, ACROSS);
}

/** omega makes the residual least along A s; the next direction follows. */
function acrossResidual(solve: Solve, sample: Sample, product: usize): void {
  const n = vectorElements(solve.columns);
  const residual = vector(solve, sample, RESIDUAL);
  const direction = vector(solve, sample, DIRECTION);
  const size = dot(n, product, product);
  const omega = size > 0 ? dot(n, product, residual) / size : 0;
  addMultiple(n, omega, residual, vector(solve, sample, POINT));
  addMultiple(n, -omega, product, residual);
  if (isSmall(solve, sample, residual) || sample.iterations >= solve.maxIterations) return restart(sample);
  const shadow = vector(solve, sample, SHADOW);
  const next = dot(n, shadow, residual);
  const isBroken = !(abs<f64>(next) > SMALL * norm(n, shadow) * norm(n, residual)) || omega == 0;
  if (isBroken) return restart(sample);
  const beta = (next / sample.a) * (sample.b / omega);
  sample.a = next;
  // p = r + beta (p - omega A p)
  addMultiple(n, -omega, vector(solve, sample, PRODUCT), direction);
  multiple(n, beta, direction, direction);
  addMultiple(n, 1, residual, direction);
  askForProduct(solve, sample, DIRECTION, ALONG);
}

/** By the recurrence's own residual, which also goes into the trace. */
function isSmall(solve: Solve, sample: Sample, residual: usize): bool {
  const n = vectorElements(solve.columns);
  const size = norm(n, residual);
  const units = inUnits(solve, sample, size, norm(n, vector(solve, sample, POINT)));
  if (units < Infinity) record(solve, sample, units);
  return !(units > MARGIN * solve.tolerance);
}
