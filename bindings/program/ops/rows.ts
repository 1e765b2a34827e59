/** Rows of parameters: a part of them, a part among zeros. */
import { fail } from '../../runtime/errors.ts'
import { OP } from '../format.ts'
import { type Node, type Operation, type Value, apply, valueShape, builder } from '../operation.ts'
import { linearMap } from './linear-map.ts'

const from = (node: Node): number => node.attributes['from']!
const sizeOf = (x: Value): number => (x.rows as number) * x.columns

const ROWS: Operation = {
  name: 'rows',
  alias: (node) => ({ of: node.inputs[0]!, firstElement: from(node) * node.inputs[0]!.columns }),
  ...linearMap(
    (x, node) => rows(x, from(node), from(node) + (node.results[0]!.rows as number)),
    (dY, node) => padRows(dY, from(node), node.inputs[0]!.rows as number),
  ),
}

const PAD_ROWS: Operation = {
  name: 'padRows',
  placement: (node) => ({ along: 'rows', from: from(node) }),
  emit(node, out) {
    const [x, y] = [node.inputs[0]!, node.results[0]!]
    out.emit(OP.ZERO, out.slot(y), sizeOf(y))
    out.emit(OP.PLACE, out.slot(y), out.slot(x), sizeOf(x), sizeOf(y), from(node) * y.columns, 1)
  },
  ...linearMap(
    (x, node) => padRows(x, from(node), node.results[0]!.rows as number),
    (dY, node) => rows(dY, from(node), from(node) + (node.inputs[0]!.rows as number)),
  ),
}

/** Rows [from, to) of a parameter: a view, no copy. */
export const rows = builder('rows', ['value', 'number', 'number'], (w: Value, from: number, to: number): Value => {
  const isRange = Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from < to
  if (w.rows === 'batch' || !isRange || to > w.rows) {
    fail('cell', `rows: [${from}, ${to}) of ${valueShape(w)}; expected rows of a parameter`)
  }
  return apply(ROWS, [w], to - from, w.columns, { from })
})

/** x in the rows from `from` on of [rows, n], zeros elsewhere: the adjoint of `rows`. */
export const padRows = (x: Value, from: number, rows: number): Value => apply(PAD_ROWS, [x], rows, x.columns, { from })
