import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Recurrent, type RetrogradError, type Tensor, type Value, defineCell } from '../../bindings/index.ts'
import * as ops from '../../bindings/ops.ts'
import { createBinaries } from '../support/binaries.ts'
import { generate } from '../support/generator.ts'
import { drawTensor, numbers } from '../support/nets.ts'
import { type Step, graphOf, runStep } from '../support/step.ts'
import { difference, sumTolerance } from '../support/tolerance.ts'

const binaries = await createBinaries()

/** The same matrix, zeros outside its blocks included. */
function dense(heads: number, n: number, m: number, W: readonly number[]): number[] {
  return Array.from({ length: heads * n * heads * m }, (_, i) => {
    const [row, column] = [Math.floor(i / (heads * m)), i % (heads * m)]
    return Math.floor(row / n) === Math.floor(column / m) ? W[row * m + (column % m)]! : 0
  })
}

const recurrence = (product: (h: Value, W: Value) => Value, rows: number, columns: number, H: number) =>
  defineCell({
    state: { h: H },
    input: { x: H },
    params: { W: [rows, columns] },
    step: ({ x, h, W }) => {
      const next = ops.tanh(ops.add(product(h!, W!), x!))
      return { state: { h: next }, output: next }
    },
  })

for (const { name: binary, runtime } of binaries) {
  const test = suite(`blockDiagonal (${binary})`)
  for (const [heads, n] of [
    [1, 5],
    [2, 4],
    [4, 3],
    [3, 17],
  ] as const)
    test(`${heads} blocks of ${n} x ${n} in a recurrence give the numbers of the dense matrix, gradients included`, () => {
      const [T, B, H] = [7, 5, heads * n]
      const blocks = new Recurrent(runtime, { cell: recurrence(ops.blockDiagonal, H, n, H) })
      const whole = new Recurrent(runtime, { cell: recurrence(ops.linear, H, H, H) })
      const W = Array.from(generate(3, 'W', H * n, 0.5))
      const [block, full] = [blocks.parameters()[0]!, whole.parameters()[0]!]
      block.value.data.set(W)
      full.value.data.set(dense(heads, n, n, W))
      const [x, d] = [drawTensor(runtime, 1, 'x', [T, B, H]), drawTensor(runtime, 2, 'd', [T, B, H])]
      assert.equal(numbers(blocks.forward(x).output), numbers(whole.forward(x).output))
      const [mine, theirs] = [blocks.backward({ output: d }), whole.backward({ output: d })]
      assert.equal(numbers(mine.input as Tensor), numbers(theirs.input as Tensor))
      const gradient = numbers(full.grad)
      const own = numbers(block.grad)
      for (const [i, share] of own.entries()) {
        const [row, column] = [Math.floor(i / n), i % n]
        assert.is(share, gradient[row * H + Math.floor(row / n) * n + column])
      }
    })

  test('blocks need not be square: W [heads n, m]', () => {
    const [B, heads, n, m] = [3, 2, 2, 5]
    const step: Step = {
      inputs: { x: heads * m },
      params: { W: [heads * n, m] },
      step: ({ x, W }) => ops.blockDiagonal(x!, W!),
    }
    const round = runtime.dtype === 'float32' ? Math.fround : Number
    const [x, W] = [B * heads * m, heads * n * m].map((size) => Array.from(generate(8, `${size}`, size), round)) as [
      number[],
      number[],
    ]
    const { output } = runStep(runtime, step, B, { x, W }, new Array(B * heads * n).fill(1))
    const matrix = dense(heads, n, m, W)
    const expected = output.map((_, i) => {
      const [sample, row] = [Math.floor(i / (heads * n)), i % (heads * n)]
      const of = (values: number[], index: number) => values.slice(index * heads * m, (index + 1) * heads * m)
      return of(x, sample).reduce((sum, each, p) => sum + each * of(matrix, row)[p]!, 0)
    })
    const tolerance = sumTolerance({ dtype: runtime.dtype, terms: m, scale: m })
    assert.is(difference(output, expected, tolerance), undefined)
  })
  test.run()
}

const refused = suite('blockDiagonal, shapes that do not fit,')
refused('are named, with what was expected', () => {
  const attempt = (columns: number) => () =>
    graphOf({ inputs: { x: columns }, params: { W: [4, 3] }, step: ({ x, W }) => ops.blockDiagonal(x!, W!) })
  for (const columns of [8, 9])
    assert.throws(attempt(columns), (error: RetrogradError) =>
      error.message.includes(
        `blockDiagonal: operands are [B, ${columns}] and [4, 3]; expected [B, heads·m] and a parameter [heads·n, m]`,
      ),
    )
})
refused.run()
