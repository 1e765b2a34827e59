/**
 * Broyden's first method on G(z) = z - F(z), its inverse Jacobian kept as I + Σ u_i v_iᵀ; when the memory is full it starts anew
 * from I. Each sample searches along its own step: the derivative-free rule of Li and Fukushima, halving the step.
 *
 * @see Broyden 1965; Li and Fukushima 2000, https://doi.org/10.1080/10556780008805782
 */
import { dot } from "../ops/norms";
import { arrive, measure } from "./arrive";
import { OWN, POINT, REQUEST_VALUE, Sample, VALUE, vector, vectorElements } from "./sample";
import { Solve } from "./solve";
import { addMultiple, copyVector, multiple, norm, subtract } from "./vectors";

const BASE: i32 = OWN; // where the line search began
const RESIDUAL: i32 = OWN + 1; // F(z) - z there
const DIRECTION: i32 = OWN + 2;
const WORK: i32 = OWN + 3;
const PAIRS: i32 = OWN + 4; // u, then v

/** Halvings of a step before it is taken as it is. */
const TRIES: i32 = 5;
/** A residual may grow by this share in the first step, by 1/k² of it in the k-th: the sum stays bounded. */
const GROWTH: f64 = 0.5;
/** Share of ‖step‖² that a residual must fall by. */
const DESCENT: f64 = 1e-4;
/** A pair whose denominator is smaller than this share of ‖s‖² is left out. */
const SMALL: f64 = 1e-12;

export function vectorsOfBroyden(pairs: i32): i32 {
  return 4 + 2 * pairs;
}

export function advanceBroyden<T>(solve: Solve, sample: Sample): void {
  if (sample.phase && isTooFar<T>(solve, sample)) return;
  if (!arrive<T>(solve, sample)) return;
  const n = vectorElements<T>(solve.columns);
  const point = vector<T>(solve, sample, POINT);
  const residual = vector<T>(solve, sample, VALUE);
  subtract<T>(n, residual, point, residual);
  if (sample.phase) update<T>(solve, sample);
  copyVector<T>(n, point, vector<T>(solve, sample, BASE));
  copyVector<T>(n, residual, vector<T>(solve, sample, RESIDUAL));
  applyInverse<T>(solve, sample, residual, vector<T>(solve, sample, DIRECTION), false);
  sample.phase = 1;
  sample.base = sample.norm;
  sample.length = 1;
  sample.tries = 0;
  sample.iterations++;
  addMultiple<T>(n, 1, vector<T>(solve, sample, DIRECTION), point);
  sample.request = REQUEST_VALUE;
}

/** Halves the step where the residual has grown too much: true while the search goes on. */
function isTooFar<T>(solve: Solve, sample: Sample): bool {
  measure<T>(solve, sample);
  const n = vectorElements<T>(solve.columns);
  const direction = vector<T>(solve, sample, DIRECTION);
  const size = sample.length * norm<T>(n, direction);
  const k = <f64>sample.iterations;
  const allowed = (1 + GROWTH / (k * k)) * sample.base - DESCENT * size * size;
  if (sample.norm <= allowed || sample.tries == TRIES) return false;
  sample.tries++;
  sample.length *= 0.5;
  copyVector<T>(n, vector<T>(solve, sample, BASE), vector<T>(solve, sample, POINT));
  addMultiple<T>(n, sample.length, direction, vector<T>(solve, sample, POINT));
  sample.request = REQUEST_VALUE;
  return true;
}

/** The pair u = (s - H y) / (s · H y), v = Hᵀ s, for the step s and the change y of G; VALUE holds the new residual. */
function update<T>(solve: Solve, sample: Sample): void {
  const n = vectorElements<T>(solve.columns);
  if (sample.held == solve.pairs) sample.held = 0;
  const s = vector<T>(solve, sample, DIRECTION);
  const y = vector<T>(solve, sample, WORK);
  const u = vector<T>(solve, sample, PAIRS + sample.held);
  const v = vector<T>(solve, sample, PAIRS + solve.pairs + sample.held);
  multiple<T>(n, sample.length, s, s);
  subtract<T>(n, vector<T>(solve, sample, RESIDUAL), vector<T>(solve, sample, VALUE), y);
  applyInverse<T>(solve, sample, y, u, false);
  applyInverse<T>(solve, sample, s, v, true);
  const denominator = dot<T>(n, s, u);
  if (!(abs<f64>(denominator) > SMALL * dot<T>(n, s, s))) return;
  subtract<T>(n, s, u, u);
  multiple<T>(n, 1 / denominator, u, u);
  sample.held++;
}

/** out = H x, or Hᵀ x. */
function applyInverse<T>(solve: Solve, sample: Sample, x: usize, out: usize, transposed: bool): void {
  const n = vectorElements<T>(solve.columns);
  copyVector<T>(n, x, out);
  for (let i = 0; i < sample.held; i++) {
    const u = vector<T>(solve, sample, PAIRS + i);
    const v = vector<T>(solve, sample, PAIRS + solve.pairs + i);
    addMultiple<T>(n, dot<T>(n, transposed ? u : v, x), transposed ? v : u, out);
  }
}
