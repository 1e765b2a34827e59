/**
 * Broyden's first method on G(z) = z - F(z). Its inverse Jacobian H is kept as a product of factors I + u sᵀ, one for each step s, so that
 * an iteration applies it once; when the memory is full it starts anew from I.
 *
 * @see Kelley 1995, Iterative Methods for Linear and Nonlinear Equations, section 7.3
 */
import { dot } from "../ops/norms";
import { arrive, measure } from "./arrive";
import { OWN, POINT, REQUEST_VALUE, Sample, VALUE, halveStep, vector, vectorElements } from "./sample";
import { Solve } from "./solve";
import { addMultiple, copyVector, multiple, subtract } from "./vectors";

const BASE: i32 = OWN; // where the line search began
const DIRECTION: i32 = OWN + 1;
const PAIRS: i32 = OWN + 2; // u, then s

/**
 * A step is halved where the residual has grown by more than this factor. A stricter rule costs more than it saves: along a step that
 * is cut short the method learns less (bench:deq: three times the evaluations by Li and Fukushima's rule).
 */
const GROWTH: f64 = 10;
/** Halvings of a step before it is taken as it is. */
const TRIES: i32 = 5;
/** A pair whose denominator is smaller than this share of ‖s‖² is left out. */
const SMALL: f64 = 1e-12;

export function vectorsOfBroyden(pairs: i32): i32 {
  return 2 + 2 * pairs;
}

export function advanceBroyden(solve: Solve, sample: Sample): void {
  if (sample.phase && isTooFar(solve, sample)) return;
  if (!arrive(solve, sample)) return;
  const n = vectorElements(solve.columns);
  const point = vector(solve, sample, POINT);
  const residual = vector(solve, sample, VALUE);
  subtract(n, residual, point, residual);
  copyVector(n, point, vector(solve, sample, BASE));
  if (sample.held == solve.pairs) sample.held = sample.phase = 0;
  applyInverse(solve, sample, residual);
  if (sample.phase) update(solve, sample, residual);
  copyVector(n, residual, vector(solve, sample, DIRECTION));
  sample.phase = 1;
  sample.base = sample.norm;
  sample.length = 1;
  sample.tries = 0;
  sample.iterations++;
  addMultiple(n, 1, vector(solve, sample, DIRECTION), point);
  sample.request = REQUEST_VALUE;
}

/** Halves the step where the residual has grown too much, or is not finite: true while the search goes on. */
function isTooFar(solve: Solve, sample: Sample): bool {
  measure(solve, sample);
  if (sample.norm <= GROWTH * sample.base || sample.tries == TRIES) return false;
  halveStep(solve, sample, BASE, DIRECTION);
  return true;
}

/**
 * H becomes (I + u sᵀ) H for the step s = length · direction, and w = H r, r being the new residual, the next direction. Since H times the
 * last residual was the direction, H y = s / length - w for the change y of G.
 */
function update(solve: Solve, sample: Sample, w: usize): void {
  const n = vectorElements(solve.columns);
  const s = vector(solve, sample, PAIRS + solve.pairs + sample.held);
  const u = vector(solve, sample, PAIRS + sample.held);
  multiple(n, sample.length, vector(solve, sample, DIRECTION), s);
  const squares = dot(n, s, s);
  const share = dot(n, s, w);
  const denominator = squares / sample.length - share;
  if (!(abs<f64>(denominator) > SMALL * squares)) return;
  multiple(n, 1 / denominator, w, u);
  addMultiple(n, (1 - 1 / sample.length) / denominator, s, u);
  addMultiple(n, share, u, w);
  sample.held++;
}

/** x = H x. */
function applyInverse(solve: Solve, sample: Sample, x: usize): void {
  const n = vectorElements(solve.columns);
  for (let i = 0; i < sample.held; i++) {
    const s = vector(solve, sample, PAIRS + solve.pairs + i);
    addMultiple(n, dot(n, s, x), vector(solve, sample, PAIRS + i), x);
  }
}
