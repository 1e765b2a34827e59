/**
 * Backward through Picard's recorded iterations, the last one first, and through the steps, whose starts are the last steps' ends: plain
 * backpropagation through time. Every iteration's values are computed again from its point.
 */
import { Real } from "real";
import { scaleBlock } from "../ops/optimizers";
import { addInto, addScaled } from "../ops/reduce";
import { at, recordAt } from "../simd";
import { placeRow } from "../solvers/row-map";
import { runSegment } from "./execute";
import * as folds from "./folds";
import * as format from "./format";
import { addressRows } from "./frame";
import { Mapping, addressMapping } from "./mapping";

/** The fields are listed in bindings/equilibrium/records.ts, too. */
@unmanaged
export class Unrolling {
  steps: i32;
  rows: i32;
  capacity: i32;
  columns: i32; // n
  maxIterations: i32;
  mapping: usize; // gives, of a point and a cotangent, J transposed times it, gradients by inputs, and adds those by parameters
  iterates: usize; // Real[steps, rows, maxIterations, n]
  counts: usize; // i32[steps, rows]: the iteration that gave the result
  gradient: usize; // Real[steps, rows, n] by the results
  carry: usize; // Real[rows, n]: out, the gradient by the start
  outputs: i32; // number of gradients by inputs
  table: usize; // Target[outputs]
  damping: f64;
}

/** A gradient by an input: rows that are added to. */
@unmanaged
export class Target {
  source: usize; // Real[capacity, bytes]
  target: usize; // Real[steps, rows, bytes]
  bytes: i32;
}

/** Runs that a part of a sum holds, and parts of a sum: see folds.ts. */
const FOLD_RUNS: i32 = 64;
const FOLD_LEVELS: i32 = 3;
let runs: i32 = 0;

export function unrollFixedPoints(unrolling: Unrolling): void {
  const mapping = changetype<Mapping>(unrolling.mapping);
  runs = 0;
  folds.setLevels(FOLD_LEVELS);
  addressMapping(mapping, 0);
  runSegment(mapping.unit, format.SEGMENT_START);
  if (mapping.refresh) runSegment(mapping.unit, format.SEGMENT_PARAMETERS);
  memory.fill(unrolling.carry, 0, at(0, unrolling.rows * unrolling.columns));
  for (let first = 0; first < unrolling.rows; first += unrolling.capacity) {
    const count = min(unrolling.capacity, unrolling.rows - first);
    for (let step = unrolling.steps - 1; step >= 0; step--) runStep(unrolling, mapping, step, first, count);
  }
  addressRows(0);
  folds.allFull();
  runSegment(mapping.unit, format.SEGMENT_FOLD);
  runSegment(mapping.unit, format.SEGMENT_FINISH);
}

/** The gradient by a step's result is carried through its iterations to the result of the step before. */
function runStep(unrolling: Unrolling, mapping: Mapping, step: i32, first: i32, count: i32): void {
  const n = unrolling.columns;
  const base = step * unrolling.rows + first;
  addInto(count * n, at(unrolling.gradient, base * n), at(unrolling.carry, first * n));
  let longest = 0;
  for (let i = 0; i < count; i++) longest = max(longest, load<i32>(at<i32>(unrolling.counts, base + i)));
  for (let iteration = longest - 1; iteration >= 0; iteration--) {
    let listed = 0;
    for (let i = 0; i < count; i++) {
      if (load<i32>(at<i32>(unrolling.counts, base + i)) > iteration) store<i32>(at<i32>(mapping.rows, listed++), i);
    }
    backward(unrolling, mapping, base, first, iteration, listed);
  }
}

/** One iteration of the listed rows: carry = (1 - damping) carry + damping Jᵀ carry. */
function backward(u: Unrolling, mapping: Mapping, base: i32, first: i32, iteration: i32, count: i32): void {
  const bytes = at(0, u.columns);
  for (let i = 0; i < count; i++) {
    const index = load<i32>(at<i32>(mapping.rows, i));
    const offset = <usize>i * bytes;
    const iterate = <usize>((base + index) * u.maxIterations + iteration) * bytes;
    placeRow(mapping, base + index, i);
    memory.copy(mapping.point + offset, u.iterates + iterate, bytes);
    memory.copy(mapping.vector + offset, u.carry + <usize>(first + index) * bytes, bytes);
  }
  if (u.damping != 1) scaleBlock(count * u.columns, u.damping, mapping.vector);
  addressRows(count);
  runSegment(mapping.unit, format.SEGMENT_PROLOGUE);
  runSegment(mapping.unit, format.SEGMENT_EPILOGUE);
  if (folds.isFull(++runs, FOLD_RUNS)) runSegment(mapping.unit, format.SEGMENT_FOLD);
  for (let i = 0; i < count; i++) {
    const index = load<i32>(at<i32>(mapping.rows, i));
    const carry = u.carry + <usize>(first + index) * bytes;
    if (u.damping == 1) memory.fill(carry, 0, bytes);
    else addScaled(u.columns, -u.damping, carry, carry);
    addInto(u.columns, mapping.result + <usize>i * bytes, carry);
    for (let k = 0; k < u.outputs; k++) addOutput(u, k, i, base + index);
  }
}

function addOutput(u: Unrolling, k: i32, index: i32, row: i32): void {
  const output = recordAt<Target>(u.table, k);
  const bytes = <usize>output.bytes;
  const columns = <i32>(bytes / sizeof<Real>());
  addInto(columns, output.source + <usize>index * bytes, output.target + <usize>row * bytes);
}
