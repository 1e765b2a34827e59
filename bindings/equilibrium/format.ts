/** The numbers by which fixed points are asked for and told of, as in assembly/solvers/solve.ts. test/core/format.test.ts compares the files. */
export const METHOD = {
  PICARD: 0,
  ANDERSON: 1,
  BROYDEN: 2,
  NEWTON: 3,
  AUTO: 4,
  GMRES: 5,
  BICGSTAB: 6,
  LU: 7,
  ARNOLDI: 8,
} as const

export const MODE = { RELATIVE: 0, ABSOLUTE: 1, MIXED: 2 } as const

export const OUTCOME = {
  RUNNING: 0,
  CONVERGED: 1,
  TERMS: 2,
  MAX_ITERATIONS: 3,
  NON_FINITE: 4,
  STAGNATED: 5,
  GROWING: 6,
  SINGULAR: 7,
  BREAKDOWN: 8,
} as const
