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

export function advanceAnderson(solve: Solve, sample: Sample): void {
  if (!arrive(solve, sample)) return;
  const n = vectorElements(solve.columns);
  const point = vector(solve, sample, POINT);
  const residual = vector(solve, sample, VALUE);
  subtract(n, residual, point, residual);
  if (sample.phase) remember(solve, sample, point, residual);
  sample.phase = 1;
  copyVector(n, point, vector(solve, sample, LAST_POINT));
  copyVector(n, residual, vector(solve, sample, LAST_RESIDUAL));
  addMultiple(n, solve.damping, residual, point);
  if (sample.held > 0) mix(solve, sample, point, residual);
  sample.iterations++;
  sample.request = REQUEST_VALUE;
}

/** The newest differences take the oldest ones' place, and their row of the Gram matrix. */
function remember(solve: Solve, sample: Sample, point: usize, residual: usize): void {
  const n = vectorElements(solve.columns);
  const m = solve.history;
  const slot = sample.slot;
  const own = vector(solve, sample, STEPS + m + slot);
  subtract(n, point, vector(solve, sample, LAST_POINT), vector(solve, sample, STEPS + slot));
  subtract(n, residual, vector(solve, sample, LAST_RESIDUAL), own);
  sample.slot = (slot + 1) % m;
  sample.held = min(sample.held + 1, m);
  for (let i = 0; i < sample.held; i++) {
    const product = dot(n, own, vector(solve, sample, STEPS + m + i));
    store<f64>(scalar(sample, slot * m + i), product);
    store<f64>(scalar(sample, i * m + slot), product);
  }
}

/** point -= Σ_i γ_i (ΔZ_i + beta ΔR_i), γ from the regularised normal equations. */
function mix(solve: Solve, sample: Sample, point: usize, residual: usize): void {
  const n = vectorElements(solve.columns);
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
    store<f64>(at<f64>(system, i * width + held), dot(n, vector(solve, sample, STEPS + m + i), residual));
  }
  if (!solveSmall(held, system)) return;
  for (let i = 0; i < held; i++) {
    const share = load<f64>(at<f64>(system, i * width + held));
    addMultiple(n, -share, vector(solve, sample, STEPS + i), point);
    addMultiple(n, -share * solve.damping, vector(solve, sample, STEPS + m + i), point);
  }
}
