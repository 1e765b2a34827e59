/**
 * Solves a batch: again and again, all samples that wait for a value go through the map side by side, then those that wait for a product; each
 * then makes its own next move. A sample that stops is in no list any more: work falls as samples finish, and no number of a sample depends
 * on another's.
 */
import { Real } from "real";
import { scaleBlock } from "../ops/optimizers";
import { at } from "../simd";
import { record } from "./arrive";
import { evaluate, listed } from "./evaluate";
import { advance } from "./methods";
import {
  BEST,
  POINT,
  REQUEST_PRODUCT,
  REQUEST_VALUE,
  Sample,
  VALUE,
  clearSample,
  copyStart,
  sampleAt,
  vector,
  vectorElements,
} from "./sample";
import { RowMap } from "./row-map";
import * as solves from "./solve";
import { Solve } from "./solve";
import { greatestOf, powerNear } from "./vectors";

/** A constant whose greatest element is less, or more than the inverse, is scaled: its squares, or what is small beside it, would be lost. */
const LEAST: f64 = sizeof<Real>() == 4 ? 8.673617379884035e-19 : 3.872591914849318e-121; // 2^-60, 2^-400

/** The maps know how to run. Two solves may be under way at once, the one in the midst of the other's map: all they know is in their records. */
export function solveRows(solve: Solve): void {
  solve.work = 0;
  solve.longest = 0;
  solve.failed = 0;
  for (let step = 0; step < solve.steps; step++) {
    for (let first = 0; first < solve.rows; first += solve.capacity) {
      runBlock(solve, step, first, min(solve.capacity, solve.rows - first));
    }
  }
}

function runBlock(solve: Solve, step: i32, first: i32, count: i32): void {
  for (let i = 0; i < count; i++) begin(solve, sampleAt(solve, i), step, first + i);
  let moved = true;
  while (moved) {
    moved = round(solve, count, REQUEST_VALUE);
    if (solve.product) moved = round(solve, count, REQUEST_PRODUCT) || moved;
  }
  for (let i = 0; i < count; i++) finish(solve, sampleAt(solve, i));
}

/** Where a sample starts, F is known beforehand if it is a constant there: of an affine map at 0. */
function begin(solve: Solve, sample: Sample, step: i32, row: i32): void {
  const bytes = at(0, solve.columns);
  clearSample(solve, sample);
  sample.row = step * solve.rows + row;
  sample.residual = Infinity;
  sample.scale = 1;
  sample.method = solve.method == solves.METHOD_AUTO ? solves.METHOD_PICARD : solve.method;
  if (solve.start || step > 0) {
    copyStart(solve, sample, POINT);
    copyStart(solve, sample, BEST);
  }
  if (solve.lengths && step >= load<i32>(at<i32>(solve.lengths, row))) {
    sample.outcome = solves.OUTCOME_CONVERGED;
    sample.residual = 0;
    record(solve, sample, 0);
  } else if (solve.constant) {
    const constant = solve.constant + <usize>sample.row * bytes;
    const value = vector(solve, sample, VALUE);
    sample.scale = scaleFor(greatestOf(solve.columns, constant));
    memory.copy(value, constant, bytes);
    if (sample.scale != 1) scaleBlock(vectorElements(solve.columns), sample.scale, value);
    advance(solve, sample);
  } else if (solve.method == solves.METHOD_ARNOLDI) {
    advance(solve, sample);
  } else {
    sample.request = REQUEST_VALUE;
  }
}

/** What is neither very small nor very large is solved as it is. */
function scaleFor(greatest: f64): f64 {
  return greatest > 0 && (greatest < LEAST || greatest > 1 / LEAST) && greatest < Infinity ? powerNear(greatest) : 1;
}

/** Serves all samples that wait for one thing; false where none does. */
function round(solve: Solve, samples: i32, request: i32): bool {
  let count = 0;
  for (let i = 0; i < samples; i++) {
    if (sampleAt(solve, i).request == request) store<i32>(at<i32>(solve.list, count++), i);
  }
  if (count == 0) return false;
  const isProduct = request == REQUEST_PRODUCT;
  evaluate(solve, changetype<RowMap>(isProduct ? solve.product : solve.value), count, isProduct);
  for (let i = 0; i < count; i++) advance(solve, listed(solve, i));
  return true;
}

function finish(solve: Solve, sample: Sample): void {
  const bytes = at(0, solve.columns);
  const row = sample.row;
  const best = vector(solve, sample, BEST);
  if (sample.scale != 1) scaleBlock(vectorElements(solve.columns), 1 / sample.scale, best);
  if (solve.result) memory.copy(solve.result + <usize>row * bytes, best, bytes);
  solve.longest = max(solve.longest, sample.iterations);
  if (sample.outcome != solves.OUTCOME_CONVERGED && sample.outcome != solves.OUTCOME_TERMS) solve.failed++;
  store<i32>(at<i32>(solve.iterations, row), sample.iterations);
  store<i32>(at<i32>(solve.evaluations, row), sample.evaluations);
  store<i32>(at<i32>(solve.outcomes, row), sample.outcome);
  store<i32>(at<i32>(solve.best, row), sample.bestAt);
  store<f64>(at<f64>(solve.residuals, row), sample.residual);
}
