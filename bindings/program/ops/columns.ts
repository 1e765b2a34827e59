/** Columns of values: a part of them, a part among zeros, values side by side. */
import { fail } from '../../runtime/errors.ts'
import { rowsWord, viewLink } from '../encoding.ts'
import { OP } from '../format.ts'
import { type Node, type Operation, type Value, apply, builder } from '../operation.ts'
import { sameRows } from './broadcast.ts'
import { zerosLike } from './constant.ts'
import { linearMap } from './linear-map.ts'

const from = (node: Node): number => node.attributes['from']!

const SLICE: Operation = {
  name: 'slice',
  link: viewLink((node) => [node.inputs[0]!.columns, 1, from(node)]),
  isView: true,
  ...linearMap(
    (x, node) => slice(x, from(node), from(node) + node.results[0]!.columns),
    (dY, node) => pad(dY, from(node), node.inputs[0]!.columns),
  ),
}

const PAD: Operation = {
  name: 'pad',
  placement: (node) => ({ along: 'columns', from: from(node) }),
  emit(node, out) {
    const [x, y] = [node.inputs[0]!, node.results[0]!]
    out.emit(OP.CLEAR_ROWS, out.slot(y), y.columns, rowsWord(y.rows))
    out.emit(OP.PLACE, out.slot(y), out.slot(x), x.columns, y.columns, from(node), rowsWord(y.rows))
  },
  ...linearMap(
    (x, node) => pad(x, from(node), node.results[0]!.columns),
    (dY, node) => slice(dY, from(node), from(node) + node.inputs[0]!.columns),
  ),
}

const CONCAT: Operation = {
  name: 'concat',
  emit({ inputs, results }, out) {
    const y = results[0]!
    let offset = 0
    for (const part of inputs) {
      out.emit(OP.PLACE, out.slot(y), out.slot(part), part.columns, y.columns, offset, rowsWord(y.rows))
      offset += part.columns
    }
  },
  adjoint: ({ inputs }, [dY]) => {
    let offset = 0
    return inputs.map((x) => slice(dY!, offset, (offset += x.columns)))
  },
  tangent: ({ inputs }, tangents) => joined(inputs.map((x, i) => tangents[i] ?? zerosLike(x))),
}

/** Columns [from, to) of x. */
export const slice = builder('slice', ['value', 'number', 'number'], (x: Value, from: number, to: number): Value => {
  if (!(Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from < to && to <= x.columns)) {
    fail('cell', `slice: [${from}, ${to}) of ${x.columns} columns`)
  }
  return apply(SLICE, [x], x.rows, to - from, { from })
})

/** x in the columns from `from` on of [B, columns], zeros elsewhere: the adjoint of slice. */
export const pad = (x: Value, from: number, columns: number): Value => apply(PAD, [x], x.rows, columns, { from })

/** Values side by side: [B, n1 + n2 + …]; one of one row, a parameter [n] say, stands beside each row of the others. */
export const concat = builder(
  'concat',
  [],
  (...values: Value[]): Value => {
    if (values.length === 0) fail('cell', 'concat: no values given')
    return joined(values)
  },
  'value',
)

/** The same of a list, of any length. */
export function joined(values: readonly Value[]): Value {
  const parts = sameRows('concat', values)
  if (parts.length === 1) return parts[0]!
  const columns = parts.reduce((total, part) => total + part.columns, 0)
  return apply(CONCAT, parts, parts[0]!.rows, columns)
}
