import { fail } from '../../runtime/errors.ts'
import { OP } from '../format.ts'
import { type Operation, type Value, apply, valueShape, builder } from '../operation.ts'
import { neg, sumOf } from './elementwise.ts'
import { linear, matmul } from './products.ts'
import { transpose } from './transpose.ts'

const SOLVE: Operation = {
  name: 'solve',
  emit({ inputs: [a, b], results: [x] }, out) {
    const [n, m] = [a!.columns, x!.columns]
    const scratch = out.scratch((core) => core.solveScratch(n, m))
    out.emit(OP.SOLVE, out.slot(x!), out.slot(a!), out.slot(b!), n, m, scratch)
  },
  adjoint: ({ inputs: [a], results: [x] }, [dX]) => {
    const dB = solve(transpose(a!), dX!)
    return [neg(linear(dB, x!)), dB]
  },
  tangent: ({ inputs: [a], results: [x] }, [dA, dB]) => solve(a!, sumOf([dB, dA && neg(matmul(dA, x!))])!),
}

/**
 * A⁻¹ B of matrices that are parameters or follow from parameters alone: A [n, n] and B [n, m] give [n, m]. Computed in
 * float64, once where parameters changed. The results of a singular A are infinities or NaN; nothing is thrown.
 */
export const solve = builder('solve', ['value', 'value'], (a: Value, b: Value): Value => {
  if (a.rows === 'batch' || a.rows !== a.columns || b.rows !== a.rows) {
    fail(
      'cell',
      `solve: operands are ${valueShape(a)} and ${valueShape(b)}; expected [n, n] and [n, m] that follow from parameters alone`,
    )
  }
  return apply(SOLVE, [a, b], a.rows, b.columns)
})
