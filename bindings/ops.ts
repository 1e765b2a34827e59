/** The operations that steps are written with. Operands are values [B, n] of the step; [n] and [B, 1] are broadcast. */
export {
  add, concat, cos, div, exp, expm1, linear, log, logSoftmax, matmul, mean, mul, neg, prev, relu, rows, scale, shift, sigmoid, sin, slice,
  softmax, softplus, sqrt, square, sub, sum, tanh, transpose,
} from './program/build.ts'
export { gruGates, lstmGates } from './program/gates.ts'
