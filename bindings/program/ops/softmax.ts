/** Softmax along columns, and its logarithm. */
import { rowsWord } from '../encoding.ts'
import { OP } from '../format.ts'
import { type Emitter, type Node, type Operation, type Value, apply, builder } from '../operation.ts'
import { sum } from './broadcast.ts'
import { exp, mul, sub } from './elementwise.ts'
import { linearMap } from './linear-map.ts'

const emit =
  (isLogarithm: boolean) =>
  ({ inputs, results }: Node, out: Emitter): void => {
    const y = results[0]!
    out.emit(OP.SOFTMAX, out.slot(y), out.slot(inputs[0]!), y.columns, rowsWord(y.rows), Number(isLogarithm))
  }

/** y ∘ (d - Σ d y): symmetric. */
function along(d: Value, node: Node): Value {
  const y = node.results[0]!
  return mul(y, sub(d, sum(mul(d, y))))
}

const SOFTMAX: Operation = { name: 'softmax', emit: emit(false), ...linearMap(along, along) }

const LOG_SOFTMAX: Operation = {
  name: 'logSoftmax',
  emit: emit(true),
  ...linearMap(
    (dX, { results }) => sub(dX, sum(mul(exp(results[0]!), dX))),
    (dY, { results }) => sub(dY, mul(exp(results[0]!), sum(dY))),
  ),
}

/** Softmax along columns. */
export const softmax = builder('softmax', ['value'], (x: Value): Value => apply(SOFTMAX, [x], x.rows, x.columns))

/** The logarithm of softmax along columns. */
export const logSoftmax = builder('logSoftmax', ['value'], (x: Value): Value =>
  apply(LOG_SOFTMAX, [x], x.rows, x.columns),
)
