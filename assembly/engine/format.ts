/**
 * The numbers by which the bindings tell the engine what to do, beside the records (records.ts)
 * and instructions (instructions/) that they stand in. bindings/program/format.ts holds the same; test/core/format.test.ts compares the two files.
 */

export const FORMAT_VERSION: i32 = 3;
export const WORD_BYTES: usize = 4;

// flags of a leg
export const LEG_BEGINS: i32 = 1; // the first of its stage in this call: refreshes what follows from parameters, clears sums
export const LEG_STARTS: i32 = 2; // histories start from the initial states
export const LEG_ENDS: i32 = 4; // the last states go out
export const LEG_FINISHES: i32 = 8; // the last of its stage in this call: sums go out
export const LEG_APART: i32 = 16; // sums begin and go out chunk by chunk

// modes of a port
export const PORT_TAKE: i32 = 0; // in: zeros past a sample's end and before the leg's first loss
export const PORT_TAKE_NEAREST: i32 = 1; // in: past a sample's end its last row, so that nothing is computed from padding
export const PORT_GIVE: i32 = 2; // out: zeros past a sample's end
export const PORT_GIVE_SUM: i32 = 3; // out: added to what is there

// segments of a program
export const SEGMENT_PARAMETERS: i32 = 0; // once per call, where parameters changed
export const SEGMENT_PROLOGUE: i32 = 1; // once per chunk, all its rows
export const SEGMENT_STEP: i32 = 2; // once per step
export const SEGMENT_EPILOGUE: i32 = 3; // once per chunk, all its rows
export const SEGMENT_FINISH: i32 = 4; // once per call, after the last chunk
export const SEGMENT_START: i32 = 5; // once per call, before the first chunk: accumulators of this call become 0
export const SEGMENT_FOLD: i32 = 6; // where parts of sums are full, and before FINISH: they are added to what is above them

// how long a value is kept
export const KIND_TIMED: i32 = 0; // stored for all T steps
export const KIND_CHUNK: i32 = 1; // stored for one chunk
export const KIND_TILE: i32 = 2; // a tile of a chain: lives between two operations of it
export const KIND_TAPE: i32 = 3; // stored for the steps from the leg's origin on: the tape

// opcodes: instructions/ has a class for each
export const OP_CHAIN: i32 = 1;
export const OP_GEMM: i32 = 2;
export const OP_GEMM_TN: i32 = 3;
export const OP_COLUMN_SUM: i32 = 4;
export const OP_ROW_SUM: i32 = 5;
export const OP_PACK: i32 = 6;
export const OP_ZERO: i32 = 7;
export const OP_PLACE: i32 = 8;
export const OP_CLEAR_ROWS: i32 = 9;
export const OP_TRANSPOSE: i32 = 10;
export const OP_SOFTMAX: i32 = 11;
export const OP_LSTM_GATES: i32 = 12;
export const OP_LSTM_GATES_ADJOINT: i32 = 13;
export const OP_GRU_GATES: i32 = 14;
export const OP_GRU_GATES_ADJOINT: i32 = 15;
export const OP_DROPOUT: i32 = 16;
export const OP_SOLVE: i32 = 17;
export const OP_BATCH_MATMUL: i32 = 18;
export const OP_FOLD: i32 = 19;

// where the accumulators of a GEMM start
export const START_IN_PLACE: i32 = 0;
export const START_ZERO: i32 = 1;
export const START_VECTOR: i32 = 2; // the same vector in every row
export const START_COPY: i32 = 3;

/** Links of a chain stand so far apart: room for the longest of them. */
export const LINK_WORDS: i32 = 8;
export const LINK_BYTES: usize = <usize>LINK_WORDS * WORD_BYTES;
