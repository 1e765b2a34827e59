import { fail } from '../../runtime/errors.ts'
import { type Value, valueShape, builder } from '../operation.ts'
import { joined, slice } from './columns.ts'
import { linear } from './products.ts'
import { rows } from './rows.ts'

/**
 * x by a block-diagonal matrix, a block for each head: x [B, heads m] in blocks of m columns, W a parameter [heads n, m] with the head's
 * [n, m] (out, in) in rows of its own; head h of the result [B, heads n] is x_h W_hᵀ. W's columns and rows say how many heads there are.
 */
export const blockDiagonal = builder('blockDiagonal', ['value', 'value'], (x: Value, W: Value): Value => {
  const m = W.columns
  const [heads, n] = [x.columns / m, ((W.rows as number) * m) / x.columns]
  if (W.rows === 'batch' || !Number.isInteger(heads) || !Number.isInteger(n)) {
    fail(
      'cell',
      `blockDiagonal: operands are ${valueShape(x)} and ${valueShape(W)}; expected [B, heads·m] and a parameter [heads·n, m]`,
    )
  }
  if (heads === 1) return linear(x, W)
  const products = Array.from({ length: heads }, (_, h) =>
    linear(slice(x, h * m, (h + 1) * m), rows(W, h * n, (h + 1) * n)),
  )
  return joined(products)
})
