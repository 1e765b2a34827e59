/**
 * Anderson's mixing of the last m steps: of all z_k - ΔZ γ the one whose residual r_k - ΔR γ is least, moved by beta times
 * that residual. The Gram matrix ΔRᵀΔR gets `regularisation` times its mean diagonal (trace / m) added, so that its effect does not depend
 * on the scale of the problem.
 *
 * @see Walker and Ni 2011, https://doi.org/10.1137/10078356X
 */
import { dot } from "../ops/norms";
import { at } from "../simd";
import { arrive } from "./arrive";
import { solveSmall } from "./dense";
import { OWN, POINT, REQUEST_VALUE, Sample, VALUE, scalar, vector, vectorElements } from "./sample";
import { Solve } from "./solve";
import { addMultiple, copyVector, subtract } from "./vectors";

const LAST_POINT: i32 = OWN;
const LAST_RESIDUAL: i32 = OWN + 1;
const STEPS: i32 = OWN + 2; // ΔZ, then ΔR

/** Gram matrix, the system to be solved [m, m + 1], its solution. */
export function scalarsOfAnderson(m: i32): i32 {
  return m * m + m * (m + 1);
}

export function vectorsOfAnderson(m: i32): i32 {
  return 2 + 2 * m;
}

export function advanceAnderson<T>(solve: Solve, sample: Sample): void {
  if (!arrive<T>(solve, sample)) return;
  const n = vectorElements<T>(solve.columns);
  const point = vector<T>(solve, sample, POINT);
  const residual = vector<T>(solve, sample, VALUE);
  subtract<T>(n, residual, point, residual);
  if (sample.phase) remember<T>(solve, sample, point, residual);
  sample.phase = 1;
  copyVector<T>(n, point, vector<T>(solve, sample, LAST_POINT));
  copyVector<T>(n, residual, vector<T>(solve, sample, LAST_RESIDUAL));
  addMultiple<T>(n, solve.damping, residual, point);
  if (sample.held > 0) mix<T>(solve, sample, point, residual);
  sample.iterations++;
  sample.request = REQUEST_VALUE;
}

/** The newest differences take the oldest ones' place, and their row of the Gram matrix. */
function remember<T>(solve: Solve, sample: Sample, point: usize, residual: usize): void {
  const n = vectorElements<T>(solve.columns);
  const m = solve.history;
  const slot = sample.slot;
  const own = vector<T>(solve, sample, STEPS + m + slot);
  subtract<T>(n, point, vector<T>(solve, sample, LAST_POINT), vector<T>(solve, sample, STEPS + slot));
  subtract<T>(n, residual, vector<T>(solve, sample, LAST_RESIDUAL), own);
  sample.slot = (slot + 1) % m;
  sample.held = min(sample.held + 1, m);
  for (let i = 0; i < sample.held; i++) {
    const product = dot<T>(n, own, vector<T>(solve, sample, STEPS + m + i));
    store<f64>(scalar(sample, slot * m + i), product);
    store<f64>(scalar(sample, i * m + slot), product);
  }
}

/** point -= Σ_i γ_i (ΔZ_i + beta ΔR_i), γ from the regularised normal equations. */
function mix<T>(solve: Solve, sample: Sample, point: usize, residual: usize): void {
  const n = vectorElements<T>(solve.columns);
  const m = solve.history;
  const held = sample.held;
  const system = scalar(sample, m * m);
  const width = held + 1;
  let trace: f64 = 0;
  for (let i = 0; i < held; i++) trace += load<f64>(scalar(sample, i * m + i));
  for (let i = 0; i < held; i++) {
    for (let j = 0; j < held; j++) store<f64>(at<f64>(system, i * width + j), load<f64>(scalar(sample, i * m + j)));
    const place = at<f64>(system, i * width + i);
    store<f64>(place, load<f64>(place) + (solve.regularisation * trace) / <f64>held);
    store<f64>(at<f64>(system, i * width + held), dot<T>(n, vector<T>(solve, sample, STEPS + m + i), residual));
  }
  if (!solveSmall(held, system)) return;
  for (let i = 0; i < held; i++) {
    const share = load<f64>(at<f64>(system, i * width + held));
    addMultiple<T>(n, -share, vector<T>(solve, sample, STEPS + i), point);
    addMultiple<T>(n, -share * solve.damping, vector<T>(solve, sample, STEPS + m + i), point);
  }
}
