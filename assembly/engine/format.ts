/**
 * The numbers by which the bindings tell the engine what to do, beside the records (records.ts)
 * that they stand in. bindings/program/format.ts holds the same; test/core/format.test.ts compares the two files.
 */

export const FORMAT_VERSION: i32 = 2;
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

// how long a value is kept
export const KIND_TIMED: i32 = 0; // stored for all T steps
export const KIND_CHUNK: i32 = 1; // stored for one chunk
export const KIND_TILE: i32 = 2; // a tile of a chain: lives between two operations of it
export const KIND_SEGMENT: i32 = 3; // stored for the steps from the leg's origin on: the tape

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
export const OP_BATCH_MATMUL: i32 = 18; // dst, a, b, m, k, n, a is transposed, b is transposed, scratch, rows

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
export const LINK_C: i32 = 4; // of an operation of three
export const LINK_CONSTANT: i32 = 4; // a float64 in two words; a view: row stride, column stride
export const LINK_OFFSET: i32 = 6; // a view: elements before the first
export const LINK_WORDS: i32 = 8;
