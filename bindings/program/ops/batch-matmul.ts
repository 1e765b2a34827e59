/** Products of small matrices, one for each sample, a matrix lying in a row of a value: [B, m n] for [B, m, n]. */
import { expectBoolean, expectOptions, expectPositive } from '../../runtime/check.ts'
import { fail } from '../../runtime/errors.ts'
import { rowsWord } from '../encoding.ts'
import { OP } from '../format.ts'
import { type Node, type Operation, type Value, apply, valueShape, builder } from '../operation.ts'
import { sameRows } from './broadcast.ts'
import { sumOf } from './elementwise.ts'

export interface BatchMatmulOptions {
  /** Rows of the product. */
  m: number
  /** Columns of the first matrix, rows of the second. */
  k: number
  /** Columns of the product. */
  n: number
  /** The first comes as [k, m]; false if left out. */
  transposeA?: boolean
  /** The second comes as [n, k]; false if left out. */
  transposeB?: boolean
}

type Product = Required<BatchMatmulOptions>

const BATCH_MATMUL: Operation = {
  name: 'batchMatmul',
  emit(node, out) {
    const { m, k, n, transposeA, transposeB } = productOf(node)
    const [[a, b], [c]] = [node.inputs, node.results]
    // the second is read by whole vectors of its rows, transposed first where it comes transposed
    const scratch = out.scratch((_core, elementBytes) => (transposeB ? k * n * elementBytes + 16 : 0))
    const options = [m, k, n, Number(transposeA), Number(transposeB), scratch, rowsWord(c!.rows)]
    out.emit(OP.BATCH_MATMUL, out.slot(c!), out.slot(a!), out.slot(b!), ...options)
  },
  adjoint: (node, [dC]) => {
    const { m, k, n, transposeA, transposeB } = productOf(node)
    const [a, b] = node.inputs as readonly [Value, Value]
    const dA = transposeA
      ? multiply(b, dC!, { m: k, k: n, n: m, transposeA: transposeB, transposeB: true })
      : multiply(dC!, b, { m, k: n, n: k, transposeA: false, transposeB: !transposeB })
    const dB = transposeB
      ? multiply(dC!, a, { m: n, k: m, n: k, transposeA: true, transposeB: transposeA })
      : multiply(a, dC!, { m: k, k: m, n, transposeA: !transposeA, transposeB: false })
    return [dA, dB]
  },
  tangent: (node, [dA, dB]) => {
    const [a, b] = node.inputs as readonly [Value, Value]
    return sumOf([dA && multiply(dA, b, productOf(node)), dB && multiply(a, dB, productOf(node))])
  },
}

function productOf({ attributes }: Node): Product {
  const { m, k, n, transposeA, transposeB } = attributes as Readonly<Record<keyof Product, number>>
  return { m, k, n, transposeA: transposeA === 1, transposeB: transposeB === 1 }
}

function multiply(a: Value, b: Value, { m, k, n, transposeA, transposeB }: Product): Value {
  const flags = { transposeA: Number(transposeA), transposeB: Number(transposeB) }
  return apply(BATCH_MATMUL, [a, b], a.rows, m * n, { m, k, n, ...flags })
}

/**
 * The product of each sample's two matrices: [B, m k] by [B, k n] gives [B, m n], each of them a matrix row by row. A parameter
 * [m k] or [k n] is every sample's.
 */
export const batchMatmul = builder(
  'batchMatmul',
  ['value', 'value', 'other'],
  (a: Value, b: Value, options: BatchMatmulOptions): Value => {
    const who = 'batchMatmul'
    expectOptions(who, options, ['m', 'k', 'n', 'transposeA', 'transposeB'])
    const { m, k, n, transposeA = false, transposeB = false } = options
    for (const [name, size] of Object.entries({ m, k, n })) expectPositive(who, name, size)
    for (const [name, flag] of Object.entries({ transposeA, transposeB })) expectBoolean(who, name, flag)
    const [first, second] = sameRows(who, [a, b]) as [Value, Value]
    if (a.columns === m * k && b.columns === k * n) return multiply(first, second, { m, k, n, transposeA, transposeB })
    fail(
      'cell',
      `${who}: operands are ${valueShape(a)} and ${valueShape(b)}; expected [B, m·k = ${m * k}] and [B, k·n = ${k * n}]`,
    )
  },
)

/** Each sample's outer product a bᵀ: [B, m] and [B, n] give [B, m n], row by row. */
export const outer = builder('outer', ['value', 'value'], (a: Value, b: Value): Value => {
  const [first, second] = sameRows('outer', [a, b]) as [Value, Value]
  return multiply(first, second, { m: a.columns, k: 1, n: b.columns, transposeA: false, transposeB: false })
})
