/** One row or column for all, and sums over rows and columns: each the adjoint of another. */
import { rowsWord, viewLink } from '../encoding.ts'
import { fail } from '../../runtime/errors.ts'
import { OP } from '../format.ts'
import { type Operation, type Rows, type Value, apply, valueShape, builder } from '../operation.ts'
import { linearMap } from './linear-map.ts'

const EXPAND_ROWS: Operation = {
  name: 'expandRows',
  link: viewLink(() => [0, 1, 0]),
  isView: true,
  isRepeated: true,
  ...linearMap(
    (x, node) => expandRows(x, node.results[0]!.rows),
    (dY) => columnSum(dY),
  ),
}

const EXPAND_COLUMNS: Operation = {
  name: 'expandColumns',
  link: viewLink(() => [1, 0, 0]),
  isView: true,
  ...linearMap(
    (x, node) => expandColumns(x, node.results[0]!.columns),
    (dY) => sum(dY),
  ),
}

const COLUMN_SUM: Operation = {
  name: 'columnSum',
  sumsRows: true,
  emit(node, out) {
    const x = node.inputs[0]!
    out.emit(OP.COLUMN_SUM, ...out.accumulator(node), out.slot(x), x.columns, rowsWord(x.rows))
  },
  ...linearMap(
    (x) => columnSum(x),
    (dY, node) => expandRows(dY, node.inputs[0]!.rows),
  ),
}

const ROW_SUM: Operation = {
  name: 'rowSum',
  emit({ inputs, results }, out) {
    const x = inputs[0]!
    out.emit(OP.ROW_SUM, out.slot(results[0]!), out.slot(x), x.columns, rowsWord(x.rows))
  },
  ...linearMap(
    (x) => sum(x),
    (dY, node) => expandColumns(dY, node.inputs[0]!.columns),
  ),
}

/** A row vector [1, n] as every row of [rows, n]. */
export const expandRows = (x: Value, rows: Rows): Value =>
  x.rows === rows ? x : apply(EXPAND_ROWS, [x], rows, x.columns)

/** A column [rows, 1] as every column of [rows, n]. */
export const expandColumns = (x: Value, columns: number): Value =>
  x.columns === columns ? x : apply(EXPAND_COLUMNS, [x], x.rows, columns)

/** The sum over rows (and, for batch rows, over time): [1, n]. */
export const columnSum = (x: Value): Value => apply(COLUMN_SUM, [x], 1, x.columns)

/** The sum over columns: [B, 1]. */
export const sum = builder('sum', ['value'], (x: Value): Value => apply(ROW_SUM, [x], x.rows, 1))

/** Operands brought to the same rows: those with one row stand for all. */
export function sameRows(who: string, operands: readonly Value[]): Value[] {
  const rows = common(operands, ({ rows }) => rows)
  if (rows === undefined) refuseShapes(who, operands, 'the same rows, or 1 row in some of them')
  return operands.map((operand) => expandRows(operand, rows))
}

/** Operands brought to one shape: where they differ, those with one row or one column stand for all. */
export function alike(who: string, operands: readonly Value[]): Value[] {
  const rows = common(operands, ({ rows }) => rows)
  const columns = common(operands, ({ columns }) => columns)
  if (rows === undefined || columns === undefined)
    refuseShapes(who, operands, 'one shape, or 1 row or column in one of them')
  return operands.map((operand) => expandColumns(expandRows(operand, rows), columns))
}

/** The one size that operands have, beside 1. */
function common<Size extends Rows>(operands: readonly Value[], sizeOf: (operand: Value) => Size): Size | undefined {
  const sizes = operands.map(sizeOf)
  const wide = sizes.find((size) => size !== 1) ?? sizes[0]!
  return sizes.every((size) => size === wide || size === 1) ? wide : undefined
}

function refuseShapes(who: string, operands: readonly Value[], expected: string): never {
  const given = operands.map(valueShape).join(' and ')
  fail('cell', `${who}: operands are ${given}; expected ${expected}`)
}
