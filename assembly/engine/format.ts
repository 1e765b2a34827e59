/**
 * The binary format in which the bindings hand a planned call to the engine: 32-bit words, byte addresses.
 * bindings/program/format.ts holds the same numbers; test/core/format.test.ts compares the two files.
 *
 * call    → legs, one after the other: a stage of a run over a range of steps
 * run     → a plan: sizes, and stages, each a direction in time and a range of units
 * unit    → one layer in one direction: a program, its value table, its carried states, its ports
 * program → five segments of instructions, which name values by their index in the unit's table
 */

export const FORMAT_VERSION: i32 = 2;
export const WORD_BYTES: usize = 4;

// call
export const CALL_VERSION: i32 = 0;
export const CALL_LEGS: i32 = 1; // number of legs
export const CALL_LEG_TABLE: i32 = 2; // address
export const CALL_WORDS: i32 = 3;

// leg
export const LEG_RUN: i32 = 0; // address
export const LEG_STAGE: i32 = 1;
export const LEG_FROM: i32 = 2; // steps [from, to), whatever the direction
export const LEG_TO: i32 = 3;
export const LEG_ORIGIN: i32 = 4; // the step that stands first in memory kept for a segment
export const LEG_LOSS_FROM: i32 = 5; // gradients by outputs and by the last state enter from this step on
export const LEG_FLAGS: i32 = 6;
export const LEG_LOAD: i32 = 7; // address of the histories to start from, or 0
export const LEG_STORE: i32 = 8; // address that receives the histories at the end, or 0
export const LEG_WORDS: i32 = 9;

// flags of a leg
export const LEG_BEGINS: i32 = 1; // the first of its stage in this call: refreshes what follows from parameters, clears sums
export const LEG_STARTS: i32 = 2; // histories start from the initial states
export const LEG_ENDS: i32 = 4; // the last states go out
export const LEG_FINISHES: i32 = 8; // the last of its stage in this call: sums go out
export const LEG_APART: i32 = 16; // sums begin and go out chunk by chunk

// run
export const RUN_STEPS: i32 = 0; // T
export const RUN_ROWS: i32 = 1; // B
export const RUN_CHUNK_STEPS: i32 = 2; // steps of a time chunk, on a grid that starts at step 0
export const RUN_STAGE_TABLE: i32 = 3; // address
export const RUN_UNIT_TABLE: i32 = 4; // address
export const RUN_LENGTHS: i32 = 5; // address of i32[B], or 0 where every sample has T steps
export const RUN_REFRESH: i32 = 6; // 1 where the parameters changed since the last run of this program
export const RUN_DROPS: i32 = 7; // 1 where dropout is on (training)
export const RUN_KEY: i32 = 8; // four words that key this call's random draws: seed (low, high), module, call
export const RUN_WORDS: i32 = 12;

// stage
export const STAGE_REVERSED: i32 = 0; // 1: from the last step to the first
export const STAGE_FIRST_UNIT: i32 = 1;
export const STAGE_UNITS: i32 = 2;
export const STAGE_WORDS: i32 = 3;

// unit
export const UNIT_PROGRAM: i32 = 0; // address
export const UNIT_VALUES: i32 = 1; // address
export const UNIT_STATES: i32 = 2; // number of carried states
export const UNIT_STATE_TABLE: i32 = 3; // address
export const UNIT_PORTS: i32 = 4; // number of ports
export const UNIT_PORT_TABLE: i32 = 5; // address
export const UNIT_WORDS: i32 = 6;

// port: rows that come from an array outside, or go to one, with strides of its own
export const PORT_VALUE: i32 = 0; // index of the value
export const PORT_ADDRESS: i32 = 1; // of step 0, row 0 outside
export const PORT_STEP_STRIDE: i32 = 2; // bytes
export const PORT_ROW_STRIDE: i32 = 3; // bytes
export const PORT_BYTES: i32 = 4; // of a row
export const PORT_MODE: i32 = 5;
export const PORT_CLEAR: i32 = 6; // bytes from the address on that become 0 when its stage begins
export const PORT_WORDS: i32 = 7;

export const PORT_TAKE: i32 = 0; // in: zeros past a sample's end and before the leg's first loss
export const PORT_TAKE_NEAREST: i32 = 1; // in: past a sample's end its last row, so that nothing is computed from padding
export const PORT_GIVE: i32 = 2; // out: zeros past a sample's end
export const PORT_GIVE_SUM: i32 = 3; // out: added to what is there

// program: address and number of words of each segment
export const PROGRAM_PARAMETERS: i32 = 0; // once per call, where parameters changed
export const PROGRAM_PROLOGUE: i32 = 2; // once per chunk, all its rows
export const PROGRAM_STEP: i32 = 4; // once per step
export const PROGRAM_EPILOGUE: i32 = 6; // once per chunk, all its rows
export const PROGRAM_FINISH: i32 = 8; // once per call, after the last chunk
export const PROGRAM_START: i32 = 10; // once per call, before the first chunk: accumulators of this call become 0
export const PROGRAM_WORDS: i32 = 12;

// value
export const VALUE_BASE: i32 = 0; // address at step 0, at a chunk's first step, or of a tile
export const VALUE_STRIDE: i32 = 1; // bytes from a step to the next; 0 where the value does not depend on time
export const VALUE_KIND: i32 = 2;
export const VALUE_WORDS: i32 = 3;

export const KIND_TIMED: i32 = 0; // stored for all T steps
export const KIND_CHUNK: i32 = 1; // stored for one chunk
export const KIND_TILE: i32 = 2; // a tile of a chain: lives between two operations of it
export const KIND_SEGMENT: i32 = 3; // stored for the steps from the leg's origin on: the tape

// state
export const STATE_VALUE: i32 = 0; // index of the value that a step writes
export const STATE_COLUMNS: i32 = 1;
export const STATE_LAG: i32 = 2; // the furthest delayed read; of a carry, the one delay with which it is read
export const STATE_CARRY: i32 = 3; // 1 in an adjoint: the gradient that a step sends LAG steps back
export const STATE_INITIAL: i32 = 4; // address of the state before the first step, or 0 for zeros
export const STATE_FINAL: i32 = 5; // address that receives the state after the last step, or 0; a carry is added to it
export const STATE_PAST_INITIAL: i32 = 6; // address of the states before that one, or 0 where the initial state stands for them
export const STATE_PAST_FINAL: i32 = 7; // the same of the last state
export const STATE_PAST_STRIDE: i32 = 8; // bytes between those
export const STATE_WORDS: i32 = 9;

// instruction: opcode, number of words with these two, operands
export const OP_CHAIN: i32 = 1; // rows (0: the segment's), columns, links, then links
export const OP_GEMM: i32 = 2; // dst, a, packed, columns, depth, start, startValue, rows
export const OP_GEMM_TN: i32 = 3; // dst, a, b, m, n, panels, rows: dst[m, n] += aᵀ b
export const OP_COLUMN_SUM: i32 = 4; // dst, a, columns, rows: dst[columns] += sum over rows
export const OP_ROW_SUM: i32 = 5; // dst, a, columns, rows
export const OP_PACK: i32 = 6; // dst, w, columns, depth, stride, transposed
export const OP_ZERO: i32 = 7; // dst, elements
export const OP_PLACE: i32 = 8; // dst, a, columns, dstColumns, dstOffset, rows: a's columns inside dst's
export const OP_CLEAR_ROWS: i32 = 9; // dst, columns, rows
export const OP_TRANSPOSE: i32 = 10; // dst, a, rows, columns
export const OP_SOFTMAX: i32 = 11; // dst, a, columns, rows, logarithm
export const OP_LSTM_GATES: i32 = 12; // hidden, cell, gates, tanhCell, a, previousCell, H
export const OP_LSTM_GATES_ADJOINT: i32 = 13; // dA, dPreviousCell, gates, previousCell, tanhCell, dHidden, dCell, H
export const OP_GRU_GATES: i32 = 14; // hidden, gates, gi, gh, previousHidden, H
export const OP_GRU_GATES_ADJOINT: i32 = 15; // dGi, dGh, dPreviousHidden, gates, gh, previousHidden, dHidden, H

export const OP_DROPOUT: i32 = 16; // dst, a, columns, stream, probability (a float64 in two words)
export const OP_SOLVE: i32 = 17; // dst, a, b, n, m, scratch: dst[n, m] = a⁻¹ b

// where the accumulators of a GEMM start
export const START_IN_PLACE: i32 = 0;
export const START_ZERO: i32 = 1;
export const START_VECTOR: i32 = 2; // the same vector in every row
export const START_COPY: i32 = 3;

// link of a chain: one elementwise operation
export const LINK_CODE: i32 = 0;
export const LINK_DST: i32 = 1;
export const LINK_A: i32 = 2;
export const LINK_B: i32 = 3;
export const LINK_CONSTANT: i32 = 4; // a float64 in two words; a view: row stride, column stride
export const LINK_OFFSET: i32 = 6; // a view: elements before the first
export const LINK_WORDS: i32 = 8;
