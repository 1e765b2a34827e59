/**
 * Solves a batch: again and again, all samples that wait for a value go through the map side by side, then those that wait for a product; each
 * then makes its own next move. A sample that stops is in no list any more: work falls as samples finish, and no number of a sample depends
 * on another's.
 */
import { at } from "../simd";
import { record } from "./arrive";
import { beginMapping, evaluate, listed } from "./evaluate";
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
} from "./sample";
import * as solves from "./solve";
import { Mapping, Solve } from "./solve";

export function solveFixedPoints(solve: Solve): void {
  solve.work = 0;
  solve.longest = 0;
  solve.failed = 0;
  beginMapping(changetype<Mapping>(solve.value));
  if (solve.product && solve.product != solve.value) beginMapping(changetype<Mapping>(solve.product));
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
    memory.copy(vector(solve, sample, VALUE), solve.constant + <usize>sample.row * bytes, bytes);
    advance(solve, sample);
  } else if (solve.method == solves.METHOD_ARNOLDI) {
    advance(solve, sample);
  } else {
    sample.request = REQUEST_VALUE;
  }
}

/** Serves all samples that wait for one thing; false where none does. */
function round(solve: Solve, samples: i32, request: i32): bool {
  let count = 0;
  for (let i = 0; i < samples; i++) {
    if (sampleAt(solve, i).request == request) store<i32>(at<i32>(solve.list, count++), i);
  }
  if (count == 0) return false;
  const isProduct = request == REQUEST_PRODUCT;
  evaluate(solve, changetype<Mapping>(isProduct ? solve.product : solve.value), count, isProduct);
  for (let i = 0; i < count; i++) advance(solve, listed(solve, i));
  return true;
}

function finish(solve: Solve, sample: Sample): void {
  const bytes = at(0, solve.columns);
  const row = sample.row;
  if (solve.result) memory.copy(solve.result + <usize>row * bytes, vector(solve, sample, BEST), bytes);
  solve.longest = max(solve.longest, sample.iterations);
  if (sample.outcome != solves.OUTCOME_CONVERGED && sample.outcome != solves.OUTCOME_TERMS) solve.failed++;
  store<i32>(at<i32>(solve.iterations, row), sample.iterations);
  store<i32>(at<i32>(solve.evaluations, row), sample.evaluations);
  store<i32>(at<i32>(solve.outcomes, row), sample.outcome);
  store<i32>(at<i32>(solve.best, row), sample.bestAt);
  store<f64>(at<f64>(solve.residuals, row), sample.residual);
}
