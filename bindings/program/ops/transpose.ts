import { fail } from '../../runtime/errors.ts'
import { OP } from '../format.ts'
import { type Operation, type Value, apply, builder } from '../operation.ts'
import { linearMap } from './linear-map.ts'

const TRANSPOSE: Operation = {
  name: 'transpose',
  emit({ inputs, results }, out) {
    const w = inputs[0]!
    out.emit(OP.TRANSPOSE, out.slot(results[0]!), out.slot(w), w.rows as number, w.columns)
  },
  ...linearMap(
    (w) => transpose(w),
    (dY) => transpose(dY),
  ),
}

/** wᵀ of a parameter or of what follows from parameters alone. */
export const transpose = builder('transpose', ['value'], (w: Value): Value => {
  if (w.rows === 'batch') fail('cell', 'transpose: operand has batch rows; expected a parameter')
  return apply(TRANSPOSE, [w], w.columns, w.rows)
})
