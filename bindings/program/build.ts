/**
 * Builders of graph nodes: what cells are written with (`retrograd/ops`) and what the rules of adjoint and tangent
 * are made of. Operands of different widths are broadcast explicitly: a row vector over rows, a column over columns.
 */
import { RetrogradError } from '../runtime/errors.ts'
import { type Rows, type Value, describe, expectValue, makeNode } from './graph.ts'

function unary(op: string, x: Value, attributes?: Record<string, number>): Value {
  expectValue(op, x)
  return makeNode(op, [x], [[x.rows, x.columns]], attributes)[0]!
}

/** Two operands of one shape, the narrower one broadcast. */
function binary(op: string, a: Value, b: Value): Value {
  expectValue(op, a)
  expectValue(op, b)
  const rows = commonRows(op, a, b)
  const columns = commonColumns(op, a, b)
  const [x, y] = [a, b].map((operand) => expandColumns(expandRows(operand, rows), columns)) as [Value, Value]
  return makeNode(op, [x, y], [[rows, columns]])[0]!
}

function commonRows(op: string, a: Value, b: Value): Rows {
  if (a.rows === b.rows || b.rows === 1) return a.rows
  if (a.rows === 1) return b.rows
  throw mismatch(op, a, b)
}

function commonColumns(op: string, a: Value, b: Value): number {
  if (a.columns === b.columns || b.columns === 1) return a.columns
  if (a.columns === 1) return b.columns
  throw mismatch(op, a, b)
}

function mismatch(op: string, a: Value, b: Value): RetrogradError {
  return new RetrogradError(
    'cell',
    `${op}: operands are ${describe(a)} and ${describe(b)}; expected one shape, or 1 row or column in one of them`,
  )
}

/** A row vector [1, n] as every row of [rows, n]. */
export function expandRows(x: Value, rows: Rows): Value {
  return x.rows === rows ? x : makeNode('expandRows', [x], [[rows, x.columns]])[0]!
}

/** A column [rows, 1] as every column of [rows, n]. */
export function expandColumns(x: Value, columns: number): Value {
  return x.columns === columns ? x : makeNode('expandColumns', [x], [[x.rows, columns]])[0]!
}

/** The constant in every element of [rows, columns]. */
export function fill(constant: number, rows: Rows, columns: number): Value {
  return makeNode('fill', [], [[rows, columns]], { constant })[0]!
}

export const zerosLike = (x: Value): Value => fill(0, x.rows, x.columns)

/** a + b, elementwise; [n] and [B, 1] are broadcast. */
export const add = (a: Value, b: Value): Value => binary('add', a, b)
/** a - b, elementwise. */
export const sub = (a: Value, b: Value): Value => binary('sub', a, b)
/** a · b, elementwise. */
export const mul = (a: Value, b: Value): Value => binary('mul', a, b)
/** a / b, elementwise. */
export const div = (a: Value, b: Value): Value => binary('div', a, b)
/** dY (1 - y²), y being tanh. */
export const tanhGrad = (dY: Value, y: Value): Value => binary('tanhGrad', dY, y)
/** dY y (1 - y), y being sigmoid. */
export const sigmoidGrad = (dY: Value, y: Value): Value => binary('sigmoidGrad', dY, y)
/** dY where y > 0, else 0. */
export const reluGrad = (dY: Value, y: Value): Value => binary('reluGrad', dY, y)

export const copy = (x: Value): Value => unary('copy', x)
/** -x. */
export const neg = (x: Value): Value => unary('neg', x)
/** constant · x. */
export const scale = (x: Value, constant: number): Value =>
  unary('scale', x, { constant: expectNumber('scale', constant) })
/** x + constant. */
export const shift = (x: Value, constant: number): Value =>
  unary('shift', x, { constant: expectNumber('shift', constant) })
/** x². */
export const square = (x: Value): Value => unary('square', x)
/** √x. */
export const sqrt = (x: Value): Value => unary('sqrt', x)
/** e^x. */
export const exp = (x: Value): Value => unary('exp', x)
/** e^x - 1. */
export const expm1 = (x: Value): Value => unary('expm1', x)
/** The natural logarithm. */
export const log = (x: Value): Value => unary('log', x)
/** The hyperbolic tangent. */
export const tanh = (x: Value): Value => unary('tanh', x)
/** 1 / (1 + e^-x). */
export const sigmoid = (x: Value): Value => unary('sigmoid', x)
/** max(x, 0); its derivative at 0 is 0. */
export const relu = (x: Value): Value => unary('relu', x)
/** log(1 + e^x). */
export const softplus = (x: Value): Value => unary('softplus', x)
/** The sine; x in radians. */
export const sin = (x: Value): Value => unary('sin', x)
/** The cosine; x in radians. */
export const cos = (x: Value): Value => unary('cos', x)
/** In float32, 0 where |x| < 2^-100: keeps vanishing adjoints from becoming subnormal. */
export const flush = (x: Value): Value => unary('flush', x)
/** Softmax along columns. */
export const softmax = (x: Value): Value => unary('softmax', x)
/** The logarithm of softmax along columns. */
export const logSoftmax = (x: Value): Value => unary('logSoftmax', x)

function expectNumber(op: string, constant: unknown): number {
  if (typeof constant === 'number') return constant
  throw new RetrogradError('cell', `${op}: constant is ${typeof constant}; expected a number`)
}

/**
 * x Wᵀ + start: [B, K] by W [N, K] gives [B, N]. Its accumulators begin with `start`: a bias [N], or any value [B, N],
 * so that a sum of products needs no addition of its own.
 */
export function linear(x: Value, w: Value, start?: Value): Value {
  expectMatrix('linear', w, x.columns, w.columns)
  return product('linear', x, w, w.rows as number, start)
}

/** x W + start: [B, K] by W [K, N] gives [B, N]. */
export function matmul(x: Value, w: Value, start?: Value): Value {
  expectMatrix('matmul', w, x.columns, w.rows)
  return product('matmul', x, w, w.columns, start)
}

function expectMatrix(op: string, w: Value, depth: number, given: Rows): void {
  if (w.rows !== 'batch' && given === depth) return
  throw new RetrogradError('cell', `${op}: weight is ${describe(w)} for an operand of ${depth} columns`)
}

function product(op: string, x: Value, w: Value, columns: number, start?: Value): Value {
  if (start !== undefined && (start.columns !== columns || (start.rows !== 1 && start.rows !== x.rows))) {
    throw new RetrogradError(
      'cell',
      `${op}: start is ${describe(start)}; expected [1 or ${describe(x)}'s rows, ${columns}]`,
    )
  }
  return makeNode(op, start === undefined ? [x, w] : [x, w, start], [[x.rows, columns]])[0]!
}

/** aᵀ b, summed over rows (and, for batch rows, over time): [m, n]. */
export const outer = (a: Value, b: Value): Value => makeNode('outer', [a, b], [[a.columns, b.columns]])[0]!

/** The sum over rows (and, for batch rows, over time): [1, n]. */
export const columnSum = (x: Value): Value => makeNode('columnSum', [x], [[1, x.columns]])[0]!

/** The sum over columns: [B, 1]. */
export const sum = (x: Value): Value => makeNode('rowSum', [x], [[x.rows, 1]])[0]!

/** The mean over columns: [B, 1]. */
export const mean = (x: Value): Value => scale(sum(x), 1 / x.columns)

/** Columns [from, to) of x. */
export function slice(x: Value, from: number, to: number): Value {
  if (!(Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from < to && to <= x.columns)) {
    throw new RetrogradError('cell', `slice: [${from}, ${to}) of ${x.columns} columns`)
  }
  return makeNode('slice', [x], [[x.rows, to - from]], { from })[0]!
}

/** x in the columns from `from` on of [B, columns], zeros elsewhere: the adjoint of slice. */
export const pad = (x: Value, from: number, columns: number): Value =>
  makeNode('pad', [x], [[x.rows, columns]], { from })[0]!

/** Values side by side: [B, n1 + n2 + …]. */
export function concat(...values: Value[]): Value {
  const first = values[0]
  if (first === undefined) throw new RetrogradError('cell', 'concat: no values given')
  for (const value of values) if (value.rows !== first.rows) throw mismatch('concat', first, value)
  if (values.length === 1) return first
  const columns = values.reduce((total, value) => total + value.columns, 0)
  return makeNode('concat', values, [[first.rows, columns]])[0]!
}

/** Rows [from, to) of a parameter: a view, no copy. */
export function rows(w: Value, from: number, to: number): Value {
  const isRange = Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from < to
  if (w.rows === 'batch' || !isRange || to > w.rows) {
    throw new RetrogradError('cell', `rows: [${from}, ${to}) of ${describe(w)}; expected rows of a parameter`)
  }
  return makeNode('rows', [w], [[to - from, w.columns]], { from })[0]!
}

/** wᵀ of a parameter or of what follows from parameters alone. */
export function transpose(w: Value): Value {
  if (w.rows === 'batch') throw new RetrogradError('cell', 'transpose: operand has batch rows; expected a parameter')
  return makeNode('transpose', [w], [[w.columns, w.rows]])[0]!
}

/**
 * A⁻¹ B of matrices that are parameters or follow from parameters alone: A [n, n] and B [n, m] give [n, m]. Computed in
 * float64, once where parameters changed. The results of a singular A are infinities or NaN; nothing is thrown.
 */
export function solve(a: Value, b: Value): Value {
  expectValue('solve', a)
  expectValue('solve', b)
  if (a.rows === 'batch' || a.rows !== a.columns || b.rows !== a.rows) {
    throw new RetrogradError(
      'cell',
      `solve: operands are ${describe(a)} and ${describe(b)}; expected [n, n] and [n, m] that follow from parameters alone`,
    )
  }
  return makeNode('solve', [a, b], [[a.rows, b.columns]])[0]!
}

/** The square matrix with the parameter [n] on its diagonal, zeros elsewhere. */
export function diag(v: Value): Value {
  expectValue('diag', v)
  if (v.rows !== 1) throw new RetrogradError('cell', `diag: operand is ${describe(v)}; expected a parameter [n]`)
  return makeNode('diag', [v], [[v.columns, v.columns]])[0]!
}

/** The diagonal of a parameter [n, n]: [n]. */
export function diagonal(w: Value): Value {
  expectValue('diagonal', w)
  if (w.rows !== w.columns)
    throw new RetrogradError('cell', `diagonal: operand is ${describe(w)}; expected a parameter [n, n]`)
  return makeNode('diagonal', [w], [[1, w.columns]])[0]!
}

/** The identity matrix [n, n], for arithmetic with parameters. */
export function identity(n: number): Value {
  if (!(Number.isSafeInteger(n) && n > 0))
    throw new RetrogradError('cell', `identity: n is ${n}; expected a whole number >= 1`)
  return diag(fill(1, 1, n))
}

/** Keeps each element with probability 1 - p, scaled by 1 / (1 - p), in training; `stream` tells draws of one step apart. */
export function dropout(x: Value, p: number, stream = 0): Value {
  if (!(p >= 0 && p <= 1)) throw new RetrogradError('cell', `dropout: p is ${p}; expected a number in [0, 1]`)
  return makeNode('dropout', [x], [[x.rows, x.columns]], { p, stream })[0]!
}

/** The state `lag` steps back: prev(h, 1) is h itself. */
export function prev(state: Value, lag: number): Value {
  if (state.node.op !== 'state') throw new RetrogradError('cell', 'prev: operand is not a state of the step')
  if (!Number.isInteger(lag) || lag < 1)
    throw new RetrogradError('cell', `prev: lag is ${lag}; expected a whole number >= 1`)
  return readState(state, lag)
}

/** Reads of each state, by its first read: filled while a step is traced. */
const reads = new WeakMap<Value, Map<number, Value>>()

/** A state's leaf (lag 1) and the map of all its reads. */
export function stateLeaf(name: string, columns: number): { leaf: Value; reads: Map<number, Value> } {
  const leaf = makeNode('state', [], [['batch', columns]], { lag: 1 }, name)[0]!
  const all = new Map([[1, leaf]])
  reads.set(leaf, all)
  return { leaf, reads: all }
}

function readState(state: Value, lag: number): Value {
  const all = reads.get(state)
  if (all === undefined) throw new RetrogradError('cell', 'prev: operand is itself a delayed read; give it the state')
  let read = all.get(lag)
  if (read === undefined) {
    read = makeNode('state', [], [['batch', state.columns]], { lag }, state.node.name)[0]!
    all.set(lag, read)
  }
  return read
}
