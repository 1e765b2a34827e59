/**
 * The records that the core's solvers read: the same fields in the same order as the classes of assembly/equilibrium, where they are
 * explained. test/core/format.test.ts compares the files.
 */

/** 32-bit words, then float64 numbers. */
export interface Fields {
  readonly words: readonly string[]
  readonly floats: readonly string[]
}

// prettier-ignore
export const SOLVE = {
  words: [
    'steps', 'rows', 'capacity', 'columns', 'method', 'mode', 'maxIterations', 'terms', 'history', 'pairs', 'krylov', 'value', 'product',
    'start', 'lengths', 'constant', 'result', 'iterates', 'iterations', 'evaluations', 'outcomes', 'best', 'residuals', 'traces', 'samples',
    'sampleBytes', 'list', 'scratch', 'longest', 'failed',
  ],
  floats: ['tolerance', 'damping', 'regularisation', 'work'],
} as const satisfies Fields

export const MAPPING = {
  words: ['run', 'point', 'vector', 'result', 'contexts', 'table', 'rows', 'placed', 'unit', 'refresh'],
  floats: [],
} as const satisfies Fields

export const CONTEXT = { words: ['source', 'target', 'bytes'], floats: [] } as const satisfies Fields

// prettier-ignore
export const UNROLLING = {
  words: [
    'steps', 'rows', 'capacity', 'columns', 'maxIterations', 'mapping', 'iterates', 'counts', 'gradient', 'carry', 'outputs', 'table',
  ],
  floats: ['damping'],
} as const satisfies Fields

export const TARGET = { words: ['source', 'target', 'bytes'], floats: [] } as const satisfies Fields

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
