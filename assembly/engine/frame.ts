/**
 * Where the engine stands: the chunk, the step and the value table that instructions address. One run at a time
 * per instance, so these are globals of the engine and of nothing else.
 */
import { philox } from "../math/random";
import { TAIL_SCRATCH } from "../memory";
import * as format from "./format";

/** Address of the running unit's value table. */
export let values: usize = 0;
/** The time step whose rows are addressed: the step itself, or a chunk's first in memory. */
export let step: i32 = 0;
/** The first step, in memory order, of the chunk. */
export let chunkStart: i32 = 0;
/** Rows of a value that is not seeded, over all the steps addressed at once. */
export let rows: i32 = 0;
/** B, and the row multiplier R. */
export let batch: i32 = 0;
export let seeds: i32 = 1;

/** Is dropout on, and the key of this call's draws. */
export let drops: bool = false;
export let key0: u32 = 0;
export let key1: u32 = 0;

export function setRun(run: usize): void {
  batch = word(run, format.RUN_ROWS);
  seeds = word(run, format.RUN_SEEDS);
  drops = word(run, format.RUN_DROPS) != 0;
  const draws = run + <usize>format.RUN_KEY * format.WORD_BYTES;
  // one key from (seed, module, call): its draws never meet another call's
  philox(word(draws, 2), word(draws, 3), 0, 0, word(draws, 0), word(draws, 1), TAIL_SCRATCH);
  key0 = load<u32>(TAIL_SCRATCH);
  key1 = load<u32>(TAIL_SCRATCH, 4);
}

export function setUnit(valueTable: usize): void {
  values = valueTable;
}

/** Addresses `steps` steps from `first` on, of the chunk that starts at `start`. */
export function setSteps(start: i32, first: i32, steps: i32): void {
  chunkStart = start;
  step = first;
  rows = steps * batch;
}

/** The word at `index` of a table or an instruction. */
// @ts-ignore: decorator
@inline
export function word(base: usize, index: i32): i32 {
  return load<i32>(base + ((<usize>index) << 2));
}

// @ts-ignore: decorator
@inline
function entry(value: i32): usize {
  return values + <usize>value * <usize>format.VALUE_WORDS * format.WORD_BYTES;
}

/** The address of a value at the steps addressed. */
// @ts-ignore: decorator
@inline
export function address(value: i32): usize {
  const at = entry(value);
  const time = word(at, format.VALUE_KIND) == format.KIND_CHUNK ? step - chunkStart : step;
  return word(at, format.VALUE_BASE) + time * word(at, format.VALUE_STRIDE);
}

// @ts-ignore: decorator
@inline
export function isTile(value: i32): bool {
  return word(entry(value), format.VALUE_KIND) == format.KIND_TILE;
}

/** Rows of a value's batch block: B, or R·B where it is seeded. */
// @ts-ignore: decorator
@inline
export function blockRows(value: i32): i32 {
  return word(entry(value), format.VALUE_SEEDED) ? batch * seeds : batch;
}

/** Rows of a value over the steps addressed; `fixed` rows where that is not 0. */
// @ts-ignore: decorator
@inline
export function rowsOf(value: i32, fixed: i32): i32 {
  if (fixed) return fixed;
  return word(entry(value), format.VALUE_SEEDED) ? rows * seeds : rows;
}

/** Bytes from a step's value to the next's. */
// @ts-ignore: decorator
@inline
export function strideOf(value: i32): i32 {
  return word(entry(value), format.VALUE_STRIDE);
}
