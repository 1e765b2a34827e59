/**
 * The records in which the bindings hand a planned call to the engine. bindings/program/records.ts lists the same fields in the
 * same order; test/core/format.test.ts compares the two. Addresses and strides are in bytes, tables are records one after the other.
 *
 * call    → legs, one after the other: a stage of a run over a range of steps
 * run     → a plan: sizes, and stages, each a direction in time and a range of units
 * unit    → one layer in one direction: a program, its value table, its carried states, its ports
 * program → seven segments of instructions, which name values by their index in the unit's table
 */

@unmanaged
export class Call {
  version: i32; // FORMAT_VERSION
  legs: i32; // their number
  legTable: usize; // Leg[legs]
}


@unmanaged
export class Leg {
  run: Run;
  stage: i32;
  from: i32; // steps [from, to), whatever the direction
  to: i32;
  origin: i32; // the step that stands first in memory kept for a segment
  lossFrom: i32; // gradients by outputs and by the last state enter from this step on
  flags: i32; // LEG_BEGINS and others
  load: usize; // the histories to start from, or 0
  store: usize; // receives the histories at the end, or 0
}


@unmanaged
export class Run {
  steps: i32; // T
  rows: i32; // B
  chunkSteps: i32; // steps of a time chunk, on a grid that starts at step 0
  stageTable: usize; // Stage[]
  unitTable: usize; // Unit[]
  lengths: usize; // i32[B], or 0 where every sample has T steps
  refresh: i32; // 1 where the parameters changed since the last run of this program
  drops: i32; // 1 where dropout is on (training)
  seedLow: u32; // these four key this call's random draws
  seedHigh: u32;
  module: u32;
  call: u32;
  foldPieces: i32; // pieces of chunks that a partial sum holds; 0 where sums have no parts
  foldLevels: i32; // partial sums between a piece and the total: see folds.ts
  pieces: i32; // run since the call began
}


@unmanaged
export class Stage {
  reversed: i32; // 1: from the last step to the first
  firstUnit: i32;
  units: i32; // their number
}


@unmanaged
export class Unit {
  program: usize; // Segment[7]
  values: usize; // Entry[]
  states: i32; // their number
  stateTable: usize; // State[states]
  ports: i32; // their number
  portTable: usize; // Port[ports]
}

/** Instructions that run together: see SEGMENT_PARAMETERS and others. */
@unmanaged
export class Segment {
  code: usize;
  words: i32; // their number
}

/** Where a value is. */
@unmanaged
export class Entry {
  base: usize; // at step 0, at a chunk's first step, or of a tile
  stride: i32; // from a step to the next; 0 where the value does not depend on time
  kind: i32; // KIND_TIMED or another
}


@unmanaged
export class State {
  value: i32; // index of the value that a step writes
  columns: i32;
  lag: i32; // the furthest delayed read; of a carry, the one delay with which it is read
  carry: i32; // 1 in an adjoint: the gradient that a step sends `lag` steps back
  initial: usize; // the state before the first step, or 0 for zeros
  final: usize; // receives the state after the last step, or 0; a carry is added to it
  pastInitial: usize; // the states before that one, or 0 where the initial state stands for them
  pastFinal: usize; // the same of the last state
  pastStride: i32; // between those
}

/** Rows that come from an array outside, or go to one, with strides of its own. */
@unmanaged
export class Port {
  value: i32; // its index
  address: usize; // of step 0, row 0 outside
  stepStride: i32;
  rowStride: i32;
  bytes: i32; // of a row
  mode: i32; // PORT_TAKE or another
  clear: i32; // bytes from the address on that become 0 when its stage begins
}
