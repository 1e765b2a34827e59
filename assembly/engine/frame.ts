/**
 * Where the engine stands: the leg, the chunk, the step and the value table that instructions address. One call at a
 * time per instance, so these are globals of the engine and of nothing else.
 */
import { philox } from "../math/random";
import { TAIL_SCRATCH } from "../memory";
import { at, recordAt } from "../simd";
import * as format from "./format";
import { Entry, Leg, Unit } from "./records";

/** Address of the running unit's value table. */
export let values: usize = 0;
/** The time step whose rows are addressed: the step itself, or a chunk's first in memory. */
export let step: i32 = 0;
/** The first step, in memory order, of the piece of a chunk that is running. */
export let chunkStart: i32 = 0;
/** The step that stands first in memory kept for a segment. */
export let origin: i32 = 0;
/** Rows of a value over all the steps addressed at once. */
export let rows: i32 = 0;
/** T and B. */
export let steps: i32 = 0;
export let batch: i32 = 0;
/** Address of the samples' lengths, or 0. */
export let lengths: usize = 0;
/** Gradients enter from this step on. */
export let lossFrom: i32 = 0;

/** Is dropout on, and the key of this call's draws. */
export let drops: bool = false;
export let key0: u32 = 0;
export let key1: u32 = 0;

export function setLeg(leg: Leg): void {
  const run = leg.run;
  origin = leg.origin;
  lossFrom = leg.lossFrom;
  steps = run.steps;
  batch = run.rows;
  lengths = run.lengths;
  drops = run.drops != 0;
  // one key from (seed, module, call): its draws never meet another call's
  philox(run.module, run.call, 0, 0, run.seedLow, run.seedHigh, TAIL_SCRATCH);
  key0 = load<u32>(TAIL_SCRATCH);
  key1 = load<u32>(TAIL_SCRATCH, 4);
}

export function setUnit(unit: Unit): void {
  values = unit.values;
}

/** Addresses `count` steps from `first` on, of the piece that starts at `start`. */
export function setSteps(start: i32, first: i32, count: i32): void {
  chunkStart = start;
  step = first;
  rows = count * batch;
}

/** Steps of a sample. */
// @ts-ignore: decorator
@inline
export function lengthOf(sample: i32): i32 {
  return lengths ? load<i32>(at<i32>(lengths, sample)) : steps;
}

/** Addresses `count` rows of one step, whatever the plan's batch: none of its samples has a length, and nothing is drawn. */
export function addressRows(count: i32): void {
  steps = 1;
  batch = count;
  lengths = 0;
  lossFrom = 0;
  origin = 0;
  drops = false;
  setSteps(0, 0, 1);
}

// @ts-ignore: decorator
@inline
function entryOf(value: i32): Entry {
  return recordAt<Entry>(values, value);
}

/** The address of a value at the steps addressed. */
// @ts-ignore: decorator
@inline
export function address(value: i32): usize {
  const entry = entryOf(value);
  return entry.base + <usize>(timeFrom(entry.kind) * entry.stride);
}

/** Steps from the first that a value of this kind is kept for. */
// @ts-ignore: decorator
@inline
function timeFrom(kind: i32): i32 {
  return step - (kind == format.KIND_CHUNK ? chunkStart : kind == format.KIND_TAPE ? origin : 0);
}

// @ts-ignore: decorator
@inline
export function kindOf(value: i32): i32 {
  return entryOf(value).kind;
}

// @ts-ignore: decorator
@inline
export function isTile(value: i32): bool {
  return kindOf(value) == format.KIND_TILE;
}

/** Rows of a value over the steps addressed; `fixed` rows where that is not 0. */
// @ts-ignore: decorator
@inline
export function rowsOf(fixed: i32): i32 {
  return fixed ? fixed : rows;
}

/** Bytes from a step's value to the next's. */
// @ts-ignore: decorator
@inline
export function strideOf(value: i32): i32 {
  return entryOf(value).stride;
}
