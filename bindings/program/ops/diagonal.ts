/** Diagonals of square parameters. */
import { fail } from '../../runtime/errors.ts'
import { viewLink } from '../encoding.ts'
import { OP } from '../format.ts'
import { type Operation, type Value, apply, valueShape, builder } from '../operation.ts'
import { fill } from './constant.ts'
import { linearMap } from './linear-map.ts'

const DIAG: Operation = {
  name: 'diag',
  emit({ inputs, results }, out) {
    const y = results[0]!
    const n = y.columns
    out.emit(OP.ZERO, out.slot(y), n * n)
    // element i of row i, as the first of rows that are one element longer
    out.emit(OP.PLACE, out.slot(y), out.slot(inputs[0]!), 1, n + 1, 0, n)
  },
  ...linearMap(
    (v) => diag(v),
    (dY) => diagonal(dY),
  ),
}

const DIAGONAL: Operation = {
  name: 'diagonal',
  link: viewLink((node) => [0, node.inputs[0]!.columns + 1, 0]),
  isView: true,
  ...linearMap(
    (w) => diagonal(w),
    (dY) => diag(dY),
  ),
}

/** The square matrix with the parameter [n] on its diagonal, zeros elsewhere. */
export const diag = builder('diag', ['value'], (v: Value): Value => {
  if (v.rows !== 1) fail('cell', `diag: operand is ${valueShape(v)}; expected a parameter [n]`)
  return apply(DIAG, [v], v.columns, v.columns)
})

/** The diagonal of a parameter [n, n]: [n]. */
export const diagonal = builder('diagonal', ['value'], (w: Value): Value => {
  if (w.rows !== w.columns) fail('cell', `diagonal: operand is ${valueShape(w)}; expected a parameter [n, n]`)
  return apply(DIAGONAL, [w], 1, w.columns)
})

/** The identity matrix [n, n], for arithmetic with parameters. */
export const identity = builder('identity', ['number'], (n: number): Value => {
  if (!(Number.isSafeInteger(n) && n > 0)) fail('cell', `identity: n is ${n}; expected a whole number >= 1`)
  return diag(fill(1, 1, n))
})
