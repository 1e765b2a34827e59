/** The operations that steps are written with. Operands are values [B, n] of the step; [n] and [B, 1] are broadcast. */
export * from './program/ops/index.ts'
