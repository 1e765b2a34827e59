import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Recurrent, type RetrogradError, type Value, createRuntime, defineCell } from '../../bindings/index.ts'
import { diag, diagonal, identity, linear, matmul, solve } from '../../bindings/ops.ts'
import { solveReference } from '../reference/solve.ts'
import { type CoreVariant, arrays, loadCore } from '../support/core.ts'
import { generate } from '../support/generator.ts'
import { drawTensor, numbers } from '../support/nets.ts'
import { difference, maxAbs } from '../support/tolerance.ts'

/** [n, m]: odd and even, so that both halves of a row end inside a vector and at its end. */
const SHAPES = [
  [1, 1],
  [2, 3],
  [3, 2],
  [4, 4],
  [5, 1],
  [17, 9],
  [33, 40],
] as const
const GUARD = 12345

// before the first suite: uvu starts its queue at the first await
const runtime = await createRuntime()

/** 2 n I + W with |W| < 1, its rows in reverse: every column needs a row exchange. */
function matrix(n: number): Float64Array {
  const w = generate(n, 'W', n * n)
  return w.map((x, i) => x + (Math.floor(i / n) + (i % n) === n - 1 ? 2 * n : 0))
}

function place(variant: CoreVariant, n: number, m: number) {
  const core = loadCore(variant)
  const bytes = core.exports['solveScratch']!(n, m)
  const [a, b, x, scratch] = arrays(core, n * n, n * m, n * m + 8, bytes / core.elementBytes + 8)
  const guarded = [x!.data.subarray(n * m), scratch!.data.subarray(bytes / core.elementBytes)]
  for (const guard of guarded) guard.fill(GUARD)
  const run = (to = x!) => core.exports['solve']!(n, m, a!.address, b!.address, scratch!.address, to.address)
  const intact = () => guarded.every((guard) => guard.every((word) => word === GUARD))
  return { core, a: a!, b: b!, x: x!, run, intact }
}

for (const variant of ['simd', 'debug', 'float64'] as const) {
  const test = suite(`solve (${variant})`)
  for (const [n, m] of SHAPES) {
    test(`equals the reference, ${n} x ${n} by ${m}`, () => {
      const { core, a, b, x, run, intact } = place(variant, n, m)
      a.data.set(matrix(n))
      b.data.set(generate(n, 'B', n * m))
      const expected = solveReference(n, m, a.data, b.data)
      run()
      const result = Array.from(x.data.subarray(0, n * m))
      // two eliminations in float64, each off by κ · 3 n u with κ∞ <= 3 n / n (Higham, theorem 9.4), and a rounding to T
      const tolerance = maxAbs(expected) * (2 * 3 * 3 * n * 2 ** -53 + (core.elementBytes === 4 ? 2 ** -24 : 0))
      assert.is(difference(result, expected, tolerance), undefined)
      assert.ok(intact(), 'nothing beside X and the scratch is written')
      run(b)
      assert.equal(Array.from(b.data.subarray(0, n * m)), result, 'X may be B')
    })
  }
  test('a singular A gives infinities or NaN, and NaN stays NaN', () => {
    const { a, b, x, run } = place(variant, 2, 3)
    for (const singular of [
      [1, 2, 2, 4],
      [0, 0, 0, 0],
      [NaN, 1, 1, 1],
    ]) {
      a.data.set(singular)
      b.data.set([1, 2, 3, 4, 5, 7])
      run()
      assert.ok(
        x.data.subarray(0, 6).every((value) => !Number.isFinite(value)),
        `${x.data.subarray(0, 6)}`,
      )
    }
  })
  test.run()
}

const cells = suite('solve in a cell')

const net = (params: Record<string, number[]>, map: (values: Readonly<Record<string, Value>>) => Value) =>
  new Recurrent(runtime, {
    cell: defineCell({
      state: {},
      input: { x: 2 },
      params,
      step: (values) => ({ state: {}, output: linear(values['x']!, map(values)) }),
    }),
  })

cells('is solved anew where parameters changed, forward and backward', () => {
  const layer = net({ W: [2, 2] }, ({ W }) => solve(W!, identity(2)))
  const x = runtime.tensor([1, 1], [1, 1, 2])
  const { value } = layer.parameters()[0]!
  for (const factor of [1, 2]) {
    value.data.set([2 * factor, 0, 0, 4 * factor])
    assert.equal(numbers(layer.forward(x).output), [0.5 / factor, 0.25 / factor])
    assert.equal(numbers(layer.backward({ output: x }).input as typeof x), [0.5 / factor, 0.25 / factor])
  }
})

cells('a singular matrix throws nothing', () => {
  const layer = net({ W: [2, 2] }, ({ W }) => solve(W!, W!))
  layer.parameters()[0]!.value.data.fill(0)
  const { output } = layer.forward(drawTensor(runtime, 1, 'x', [3, 1, 2]))
  assert.ok(numbers(output).every(Number.isNaN))
})

const REFUSED: [string, () => unknown, RegExp][] = [
  [
    'A not square',
    () => net({ A: [2, 3], b: [2, 1] }, ({ A, b }) => solve(A!, b!)),
    /^solve: operands are \[2, 3\] and \[2, 1\]; expected \[n, n\] and \[n, m\]/,
  ],
  ['rows that differ', () => net({ A: [2, 2], b: [3, 1] }, ({ A, b }) => solve(A!, b!)), /\[2, 2\] and \[3, 1\]/],
  ['B a value of the step', () => net({ A: [2, 2] }, ({ A, x }) => solve(A!, x!)), /\[2, 2\] and \[B, 2\]/],
  ['A a value of the step', () => net({ A: [2, 2] }, ({ A, x }) => solve(x!, A!)), /\[B, 2\] and \[2, 2\]/],
  [
    'not values',
    () => net({ A: [2, 2] }, ({ A }) => solve(A!, 2 as never)),
    /solve: argument 2 is 2; expected a value of the step$/,
  ],
  ['diag of a matrix', () => net({ A: [2, 2] }, ({ A }) => diag(A!)), /diag: operand is \[2, 2\]/],
  ['diagonal of a row', () => net({ b: [2] }, ({ b }) => matmul(diagonal(b!), b!)), /diagonal: operand is \[1, 2\]/],
  ['identity of no size', () => net({}, () => identity(0)), /identity: n is 0/],
]

for (const [name, make, message] of REFUSED) {
  cells(`refuses ${name}`, () => {
    assert.throws(make, (error: RetrogradError) => error.code === 'cell' && message.test(error.message))
  })
}
cells.run()
