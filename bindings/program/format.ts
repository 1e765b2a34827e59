/**
 * The numbers by which a planned program tells the engine what to do: the same as in assembly/engine/format.ts, where they are
 * explained, and assembly/ops/codes.ts. test/core/format.test.ts compares the files.
 */
export const FORMAT_VERSION = 3

/** Flags of a leg. */
export const LEG = { BEGINS: 1, STARTS: 2, ENDS: 4, FINISHES: 8, APART: 16 } as const
/** Modes of a port. */
export const PORT = { TAKE: 0, TAKE_NEAREST: 1, GIVE: 2, GIVE_SUM: 3 } as const
/** Segments of a program. */
export const SEGMENT = { PARAMETERS: 0, PROLOGUE: 1, STEP: 2, EPILOGUE: 3, FINISH: 4, START: 5, FOLD: 6 } as const
/** How long a value is kept. */
export const KIND = { TIMED: 0, CHUNK: 1, TILE: 2, TAPE: 3 } as const
// prettier-ignore
export const OP = {
  CHAIN: 1, GEMM: 2, GEMM_TN: 3, COLUMN_SUM: 4, ROW_SUM: 5, PACK: 6, ZERO: 7, PLACE: 8, CLEAR_ROWS: 9, TRANSPOSE: 10,
  SOFTMAX: 11, LSTM_GATES: 12, LSTM_GATES_ADJOINT: 13, GRU_GATES: 14, GRU_GATES_ADJOINT: 15, DROPOUT: 16, SOLVE: 17,
  BATCH_MATMUL: 18, FOLD: 19,
} as const
export const START = { IN_PLACE: 0, ZERO: 1, VECTOR: 2, COPY: 3 } as const
export const LINK_WORDS = 8
// prettier-ignore
export const LINK = {
  VIEW: 0, FILL: 1, COPY: 2, NEG: 3, SCALE: 4, SHIFT: 5, SQUARE: 6, SQRT: 7, EXP: 8, EXPM1: 9, LOG: 10, TANH: 11,
  SIGMOID: 12, RELU: 13, SOFTPLUS: 14, SIN: 15, COS: 16, FLUSH: 17, ADD: 32, SUB: 33, MUL: 34, DIV: 35,
  TANH_GRAD: 36, SIGMOID_GRAD: 37, RELU_GRAD: 38,
  ABS: 18, SIGN: 19, FLOOR: 20, AT_LEAST: 21, AT_MOST: 22, RECIPROCAL: 23, MAXIMUM: 39, MINIMUM: 40,
  GREATER: 41, LESS: 42, GREATER_EQUAL: 43, LESS_EQUAL: 44, EQUAL: 45, POW: 46, WHERE: 64, SHARE: 65,
} as const
