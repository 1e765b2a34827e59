/** Products with a matrix, whole or transposed, and products summed over rows: the adjoints of each other. */
import { fail } from '../../runtime/errors.ts'
import { rowsWord } from '../encoding.ts'
import { OP, START } from '../format.ts'
import {
  type Emitter,
  type Maybe,
  type Node,
  type Operation,
  type Rows,
  type Value,
  apply,
  valueShape,
  builder,
} from '../operation.ts'
import { columnSum, expandRows } from './broadcast.ts'
import { sumOf } from './elementwise.ts'

type Product = (x: Value, w: Value, start?: Value) => Value

/** x Wᵀ + start: [B, K] by W [N, K]. */
const LINEAR: Operation = productOperation(
  'linear',
  true,
  (x, w, start) => linear(x, w, start),
  (dY, w) => matmul(dY, w),
  (dY, x) => productOverRows(dY, x),
)

/** x W + start: [B, K] by W [K, N]. */
const MATMUL: Operation = productOperation(
  'matmul',
  false,
  (x, w, start) => matmul(x, w, start),
  (dY, w) => linear(dY, w),
  (dY, x) => productOverRows(x, dY),
)

function productOperation(
  name: string,
  isTransposed: boolean,
  product: Product,
  byInput: (dY: Value, w: Value) => Value,
  byWeight: (dY: Value, x: Value) => Value,
): Operation {
  return {
    name,
    emit: (node, out) => emitProduct(node, isTransposed, out),
    inPlace: ({ inputs: [, , start] }, y) => (start?.rows === y.rows ? start : undefined),
    startFrom: ({ inputs: [x, w, start] }) => (start ? undefined : (from) => product(x!, w!, from)),
    adjoint: ({ inputs: [x, w, start] }, [dY]) => [byInput(dY!, w!), byWeight(dY!, x!), start && byStart(dY!, start)],
    tangent: ({ inputs: [x, w] }, [dX, dW, dStart]) => {
      const wide = dStart && expandRows(dStart, x!.rows)
      return sumOf([dX && product(dX, w!), dW && product(x!, dW), wide])
    },
  }
}

const byStart = (dY: Value, start: Value): Value => (start.rows === dY.rows ? dY : columnSum(dY))

function emitProduct({ inputs: [x, w, start], results: [y] }: Node, isTransposed: boolean, out: Emitter): void {
  const packed = out.packed(w!, isTransposed)
  const mode = startMode(y!, start, out)
  const from = start && mode !== START.IN_PLACE ? out.slot(start) : 0
  out.emit(OP.GEMM, out.slot(y!), out.slot(x!), packed, y!.columns, x!.columns, mode, from, rowsWord(y!.rows))
}

function startMode(y: Value, start: Maybe, out: Emitter): number {
  if (start === undefined) return START.ZERO
  if (start.rows === 1 && y.rows !== 1) return START.VECTOR
  return out.isInPlace(start, y) ? START.IN_PLACE : START.COPY
}

const PRODUCT_OVER_ROWS: Operation = {
  name: 'productOverRows',
  sumsRows: true,
  emit(node, out) {
    const [a, b] = node.inputs as readonly [Value, Value]
    const sum = out.accumulator(node)
    const panels = out.scratch((core, bytes) => core.gemmTnScratch(b.columns) * bytes)
    out.emit(OP.GEMM_TN, ...sum, out.slot(a), out.slot(b), a.columns, b.columns, panels, rowsWord(a.rows))
  },
  adjoint: ({ inputs: [a, b] }, [dY]) => [linear(b!, dY!), matmul(a!, dY!)],
  tangent: ({ inputs: [a, b] }, [dA, dB]) => sumOf([dA && productOverRows(dA, b!), dB && productOverRows(a!, dB)]),
}

/**
 * x Wᵀ + start: [B, K] by W [N, K] gives [B, N]. Its accumulators begin with `start`: a bias [N], or any value [B, N],
 * so that a sum of products needs no addition of its own.
 */
export const linear = builder('linear', ['value', 'value', 'optional'], (x: Value, w: Value, start?: Value): Value => {
  expectMatrix('linear', w, x.columns, w.columns)
  return product(LINEAR, x, w, w.rows as number, start)
})

/** x W + start: [B, K] by W [K, N] gives [B, N]. */
export const matmul = builder('matmul', ['value', 'value', 'optional'], (x: Value, w: Value, start?: Value): Value => {
  expectMatrix('matmul', w, x.columns, w.rows)
  return product(MATMUL, x, w, w.columns, start)
})

/** aᵀ b, summed over rows (and, for batch rows, over time): [m, n]. */
export const productOverRows = (a: Value, b: Value): Value => apply(PRODUCT_OVER_ROWS, [a, b], a.columns, b.columns)

function expectMatrix(who: string, w: Value, depth: number, given: Rows): void {
  if (w.rows !== 'batch' && given === depth) return
  fail('cell', `${who}: weight is ${valueShape(w)} for an operand of ${depth} columns`)
}

function product(op: Operation, x: Value, w: Value, columns: number, start?: Value): Value {
  if (start !== undefined && (start.columns !== columns || (start.rows !== 1 && start.rows !== x.rows))) {
    fail('cell', `${op.name}: start is ${valueShape(start)}; expected [1 or ${valueShape(x)}'s rows, ${columns}]`)
  }
  return apply(op, start === undefined ? [x, w] : [x, w, start], x.rows, columns)
}
