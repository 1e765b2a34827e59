import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { RetrogradError, Runtime } from '../../bindings/index.ts'
import * as ops from '../../bindings/ops.ts'
import { type Sizes, batchMatmulReference, transposed } from '../reference/batch-matmul.ts'
import { createBinaries } from '../support/binaries.ts'
import { generate } from '../support/generator.ts'
import { type Step, graphOf, runStep } from '../support/step.ts'
import { difference, sumTolerance } from '../support/tolerance.ts'

const binaries = await createBinaries()

/** [m, k, n]: rows by fours and not, columns below, at and beyond whole vectors. */
const SHAPES = [
  [1, 1, 1],
  [2, 3, 4],
  [4, 4, 4],
  [3, 1, 5],
  [5, 7, 1],
  [9, 2, 17],
] as const
const FORMS = [{}, { transposeA: true }, { transposeB: true }, { transposeA: true, transposeB: true }]
const BATCHES = [1, 3, 17]

const draw = (runtime: Runtime, name: string, size: number): number[] =>
  Array.from(generate(8, name, size), runtime.dtype === 'float32' ? Math.fround : Number)

function expectProduct(runtime: Runtime, actual: number[], B: number, sizes: Sizes, a: number[], b: number[]): void {
  const { c, scale } = batchMatmulReference(B, sizes, a, b)
  const tolerance = sumTolerance({ dtype: runtime.dtype, terms: sizes.k, scale })
  assert.is(difference(actual, c, tolerance), undefined)
}

/** Plain matrices, whatever form they come in. */
const asPlain = (B: number, { m, k, n, transposeA, transposeB }: Sizes, a: number[], b: number[]) => ({
  a: transposeA ? transposed(B, k, m, a) : a,
  b: transposeB ? transposed(B, n, k, b) : b,
})

/** dA = dC Bᵀ and dB = Aᵀ dC, in the form that the operands came in. */
function expectGradients(
  runtime: Runtime,
  [dA, dB]: number[][],
  B: number,
  sizes: Sizes,
  a: number[],
  b: number[],
  dC: number[],
): void {
  const { m, k, n, transposeA, transposeB } = sizes
  const operands = asPlain(B, sizes, a, b)
  const plain = [transposeA ? transposed(B, k, m, dA!) : dA!, transposeB ? transposed(B, n, k, dB!) : dB!]
  expectProduct(runtime, plain[0]!, B, { m, k: n, n: k, transposeB: true }, dC, operands.b)
  expectProduct(runtime, plain[1]!, B, { m: k, k: m, n, transposeA: true }, operands.a, dC)
}

for (const { name: binary, runtime } of binaries) {
  const test = suite(`batchMatmul (${binary})`)
  for (const [m, k, n] of SHAPES)
    for (const form of FORMS)
      test(`[${m}, ${k}] by [${k}, ${n}] ${Object.keys(form).join(' ')}: product and gradients equal plain loops`, () => {
        const sizes = { m, k, n, ...form }
        for (const B of BATCHES) {
          const [a, b, dC] = [
            draw(runtime, 'a', B * m * k),
            draw(runtime, 'b', B * k * n),
            draw(runtime, 'c', B * m * n),
          ]
          const step: Step = {
            inputs: { a: m * k, b: k * n },
            step: (values) => ops.batchMatmul(values['a']!, values['b']!, sizes),
          }
          const { output, gradients } = runStep(runtime, step, B, { a, b }, dC)
          expectProduct(runtime, output, B, sizes, a, b)
          expectGradients(runtime, gradients, B, sizes, a, b, dC)
        }
      })

  test("a sample's result does not depend on its neighbours, to the bit", () => {
    const sizes = { m: 5, k: 6, n: 7 }
    const step: Step = { inputs: { a: 30, b: 42 }, step: ({ a, b }) => ops.batchMatmul(a!, b!, sizes) }
    const [a, b, d] = [draw(runtime, 'a', 90), draw(runtime, 'b', 126), draw(runtime, 'c', 105)]
    const whole = runStep(runtime, step, 3, { a, b }, d).output
    for (let r = 0; r < 3; r++) {
      const own = { a: a.slice(30 * r, 30 * r + 30), b: b.slice(42 * r, 42 * r + 42) }
      assert.equal(runStep(runtime, step, 1, own, d.slice(0, 35)).output, whole.slice(35 * r, 35 * r + 35))
    }
  })

  test('outer: element [i, j] is a_i b_j, its gradients products with b and a', () => {
    for (const [m, n] of [
      [1, 1],
      [3, 5],
      [8, 4],
    ] as const)
      for (const B of BATCHES) {
        const [a, b, dC] = [draw(runtime, 'a', B * m), draw(runtime, 'b', B * n), draw(runtime, 'c', B * m * n)]
        const step: Step = { inputs: { a: m, b: n }, step: (values) => ops.outer(values['a']!, values['b']!) }
        const { output, gradients } = runStep(runtime, step, B, { a, b }, dC)
        expectProduct(runtime, output, B, { m, k: 1, n }, a, b)
        expectGradients(runtime, gradients, B, { m, k: 1, n }, a, b, dC)
      }
  })

  test("a parameter is every sample's, and its gradient the sum of theirs", () => {
    const [B, m, k, n] = [5, 3, 4, 2]
    const step: Step = {
      inputs: { x: k * n },
      params: { A: [m * k] },
      step: ({ x, A }) => ops.batchMatmul(A!, x!, { m, k, n }),
    }
    const [A, x, dC] = [draw(runtime, 'a', m * k), draw(runtime, 'b', B * k * n), draw(runtime, 'c', B * m * n)]
    const { output, gradients } = runStep(runtime, step, B, { x, A }, dC)
    const all = Array.from({ length: B }, () => A).flat()
    expectProduct(runtime, output, B, { m, k, n }, all, x)
    const shares = batchMatmulReference(B, { m, k: n, n: k, transposeB: true }, dC, x)
    const sums = A.map((_, i) => shares.c.reduce((sum, share, j) => (j % (m * k) === i ? sum + share : sum), 0))
    const tolerance = sumTolerance({ dtype: runtime.dtype, terms: n * B, scale: B * shares.scale })
    assert.is(difference(gradients[1]!, sums, tolerance), undefined)
  })

  test('infinities and NaN stay in the elements that they enter', () => {
    const step: Step = { inputs: { a: 4, b: 4 }, step: ({ a, b }) => ops.batchMatmul(a!, b!, { m: 2, k: 2, n: 2 }) }
    const { output } = runStep(runtime, step, 1, { a: [NaN, 1, 2, 3], b: [1, 2, Infinity, 4] }, [0, 0, 0, 0])
    assert.equal(output, [NaN, NaN, Infinity, 16])
  })
  test.run()
}

const refused = suite('shapes that do not fit')
const says = (pattern: RegExp) => (error: RetrogradError) => pattern.test(error.message)
refused('are named, with what was expected', () => {
  const options = { m: 2, k: 3, n: 2 }
  const product = (extra: object) => () =>
    graphOf({ inputs: { a: 6, b: 8 }, step: ({ a, b }) => ops.batchMatmul(a!, b!, { ...options, ...extra }) })
  assert.throws(
    product({}),
    says(/batchMatmul: operands are \[B, 6\] and \[B, 8\]; expected \[B, m·k = 6\] and \[B, k·n = 6\]/),
  )
  assert.throws(product({ m: 0 }), says(/batchMatmul: m is 0/))
  assert.throws(product({ transposed: 'a' }), says(/unknown option 'transposed'/))
  assert.throws(product({ transposeA: 1 }), says(/transposeA is 1; expected true or false/))
})
refused.run()
