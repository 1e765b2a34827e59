/**
 * The records by which fixed points are asked for: the same fields in the same order as the classes of assembly/solvers and
 * assembly/engine, where they are explained. test/core/format.test.ts compares the files.
 */
import { recordFormat } from '../runtime/record.ts'

// prettier-ignore
export const SOLVE = recordFormat([
  'steps', 'rows', 'capacity', 'columns', 'method', 'mode', 'maxIterations', 'terms', 'history', 'pairs', 'krylov', 'value', 'product',
  'start', 'lengths', 'constant', 'result', 'iterates', 'iterations', 'evaluations', 'outcomes', 'best', 'residuals', 'traces', 'samples',
  'sampleBytes', 'list', 'scratch', 'longest', 'failed',
], ['tolerance', 'damping', 'regularisation', 'work'])

export const MAPPING = recordFormat([
  'run',
  'point',
  'vector',
  'result',
  'contexts',
  'table',
  'rows',
  'placed',
  'unit',
  'refresh',
])

export const CONTEXT = recordFormat(['source', 'target', 'bytes'])

// prettier-ignore
export const UNROLLING = recordFormat([
  'steps', 'rows', 'capacity', 'columns', 'maxIterations', 'mapping', 'iterates', 'counts', 'gradient', 'carry', 'outputs', 'table',
], ['damping'])

export const TARGET = recordFormat(['source', 'target', 'bytes'])
