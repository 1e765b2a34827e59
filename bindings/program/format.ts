/**
 * The binary format of planned programs: the same numbers as assembly/engine/format.ts, where they are explained,
 * and assembly/ops/codes.ts. test/core/format.test.ts compares the files.
 */
export const FORMAT_VERSION = 2

export const CALL = { VERSION: 0, LEGS: 1, LEG_TABLE: 2, WORDS: 3 } as const
// prettier-ignore
export const LEG = {
  RUN: 0, STAGE: 1, FROM: 2, TO: 3, ORIGIN: 4, LOSS_FROM: 5, FLAGS: 6, LOAD: 7, STORE: 8, WORDS: 9,
  BEGINS: 1, STARTS: 2, ENDS: 4, FINISHES: 8, APART: 16,
} as const
// prettier-ignore
export const RUN = {
  STEPS: 0, ROWS: 1, CHUNK_STEPS: 2, STAGE_TABLE: 3, UNIT_TABLE: 4, LENGTHS: 5, REFRESH: 6, DROPS: 7, KEY: 8, WORDS: 12,
} as const
export const STAGE = { REVERSED: 0, FIRST_UNIT: 1, UNITS: 2, WORDS: 3 } as const
export const UNIT = { PROGRAM: 0, VALUES: 1, STATES: 2, STATE_TABLE: 3, PORTS: 4, PORT_TABLE: 5, WORDS: 6 } as const
// prettier-ignore
export const PORT = {
  VALUE: 0, ADDRESS: 1, STEP_STRIDE: 2, ROW_STRIDE: 3, BYTES: 4, MODE: 5, CLEAR: 6, WORDS: 7,
  TAKE: 0, TAKE_NEAREST: 1, GIVE: 2, GIVE_SUM: 3,
} as const
export const PROGRAM = { PARAMETERS: 0, PROLOGUE: 2, STEP: 4, EPILOGUE: 6, FINISH: 8, START: 10, WORDS: 12 } as const
export const VALUE = { BASE: 0, STRIDE: 1, KIND: 2, WORDS: 3 } as const
export const KIND = { TIMED: 0, CHUNK: 1, TILE: 2, SEGMENT: 3 } as const
// prettier-ignore
export const STATE = {
  VALUE: 0, COLUMNS: 1, LAG: 2, CARRY: 3, INITIAL: 4, FINAL: 5, PAST_INITIAL: 6, PAST_FINAL: 7, PAST_STRIDE: 8, WORDS: 9,
} as const
// prettier-ignore
export const OP = {
  CHAIN: 1, GEMM: 2, GEMM_TN: 3, COLUMN_SUM: 4, ROW_SUM: 5, PACK: 6, ZERO: 7, PLACE: 8, CLEAR_ROWS: 9, TRANSPOSE: 10,
  SOFTMAX: 11, LSTM_GATES: 12, LSTM_GATES_ADJOINT: 13, GRU_GATES: 14, GRU_GATES_ADJOINT: 15, DROPOUT: 16, SOLVE: 17,
} as const
export const START = { IN_PLACE: 0, ZERO: 1, VECTOR: 2, COPY: 3 } as const
export const LINK_WORDS = 8
// prettier-ignore
export const LINK = {
  VIEW: 0, FILL: 1, COPY: 2, NEG: 3, SCALE: 4, SHIFT: 5, SQUARE: 6, SQRT: 7, EXP: 8, EXPM1: 9, LOG: 10, TANH: 11,
  SIGMOID: 12, RELU: 13, SOFTPLUS: 14, SIN: 15, COS: 16, FLUSH: 17, ADD: 32, SUB: 33, MUL: 34, DIV: 35,
  TANH_GRAD: 36, SIGMOID_GRAD: 37, RELU_GRAD: 38,
} as const
