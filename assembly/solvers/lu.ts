/** (I - J) v = g by elimination: the Jacobian of one sample at a time, its unit vectors being the rows of one evaluation. */
import { Real } from "real";
import { solve as eliminate, solveScratch } from "../linalg/solve";
import { at } from "../simd";
import { arrive, record, stop } from "./arrive";
import { RowMap, placeRow } from "./row-map";
import { POINT, REQUEST_VALUE, Sample, VALUE, vector } from "./sample";
import * as solves from "./solve";
import { Solve } from "./solve";

/** Greatest n. */
export const LU_COLUMNS: i32 = 256;

/** Bytes of `solve.scratch` for n unknowns. */
export function denseScratch(n: i32): i32 {
  return matrixBytes(n) + solveScratch(n, 1);
}

/** Bytes of `solve.scratch`, before those of the elimination: the matrix. */
// @ts-ignore: decorator
@inline
function matrixBytes(n: i32): i32 {
  return ((n * n * <i32>sizeof<Real>() + 15) & ~15) + 16;
}

/** The least pivot over the greatest below which a matrix counts as singular. */
const SINGULAR: f64 = sizeof<Real>() == 4 ? 1.1920928955078125e-7 : 2.220446049250313e-16; // 2^-23, 2^-52

/** The first arrival is F(0) = g; the second measures the solution. */
export function advanceLu(solve: Solve, sample: Sample): void {
  if (!arrive(solve, sample)) return;
  if (sample.phase) {
    stop(sample, solves.OUTCOME_STAGNATED);
    return;
  }
  const n = solve.columns;
  const isFinite = formMatrix(solve, sample);
  const g = vector(solve, sample, VALUE);
  const v = vector(solve, sample, POINT);
  const pivots = eliminate(n, 1, solve.scratch, g, solve.scratch + <usize>matrixBytes(n), v);
  sample.phase = 1;
  sample.iterations = 1;
  if (isFinite && pivots > SINGULAR) {
    sample.request = REQUEST_VALUE;
    return;
  }
  record(solve, sample, NaN);
  stop(sample, isFinite ? solves.OUTCOME_SINGULAR : solves.OUTCOME_NON_FINITE);
}

/** I - J, column i being e_i - J e_i; false where it is not finite. */
function formMatrix(solve: Solve, sample: Sample): bool {
  const n = solve.columns;
  const map = changetype<RowMap>(solve.product);
  map.placed = 0;
  memory.fill(map.vector, 0, at(0, n * n));
  for (let i = 0; i < n; i++) {
    placeRow(map, sample.row, i);
    store<Real>(at(map.vector, i * n + i), <Real>1);
  }
  map.run(changetype<usize>(map), n);
  let isFinite = true;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      const unit: Real = i == j ? <Real>1 : <Real>0;
      const entry: Real = <Real>(unit - load<Real>(at(map.result, i * n + j)));
      if (!(abs<Real>(entry) < <Real>Infinity)) isFinite = false;
      store<Real>(at(solve.scratch, j * n + i), entry);
    }
  }
  sample.evaluations += n;
  solve.work += <f64>n;
  return isFinite;
}
