/** The operations that steps are written with. Operands are values [B, n] of the step; [n] and [B, 1] are broadcast. */
export {
  add,
  cos,
  div,
  exp,
  expm1,
  log,
  mul,
  neg,
  relu,
  scale,
  shift,
  sigmoid,
  sin,
  softplus,
  sqrt,
  square,
  sub,
  tanh,
} from './elementwise.ts'
export {
  abs,
  clamp,
  equal,
  floor,
  greater,
  greaterEqual,
  less,
  lessEqual,
  maximum,
  minimum,
  sign,
  where,
} from './piecewise.ts'
export { pow, reciprocal } from './powers.ts'
export { sum } from './broadcast.ts'
export { mean } from './composed.ts'
export { concat, slice } from './columns.ts'
export { linear, matmul } from './products.ts'
export { type BatchMatmulOptions, batchMatmul, outer } from './batch-matmul.ts'
export { blockDiagonal } from './block-diagonal.ts'
export { logSoftmax, softmax } from './softmax.ts'
export { prev } from './leaves.ts'
export { rows } from './rows.ts'
export { diag, diagonal, identity } from './diagonal.ts'
export { transpose } from './transpose.ts'
export { solve } from './solve.ts'
export { gruGates } from './gru-gates.ts'
export { lstmGates } from './lstm-gates.ts'
