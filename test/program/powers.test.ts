import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Runtime, Value } from '../../bindings/index.ts'
import { fill } from '../../bindings/program/ops/constant.ts'
import * as ops from '../../bindings/ops.ts'
import { createBinaries } from '../support/binaries.ts'
import { stepsApart, ulpError } from '../reference/math.ts'
import { generate } from '../support/generator.ts'
import { type Step, graphOf, runStep } from '../support/step.ts'
import { evaluator } from '../support/evaluate.ts'

const binaries = await createBinaries()

/** Greatest error in ulp of float32, of 10^9 draws, rounded up: docs/math.md. */
const GREATEST_ULP = 0.51
/** Greatest distance from the host's Math.pow found, plus 1: its own error differs between engines. */
const FLOAT64_STEPS = 2

/** C's pow: the host's, but for what JavaScript calls NaN. */
function reference(x: number, y: number): number {
  if (y === 0 || x === 1) return 1
  return Math.abs(x) === 1 && Math.abs(y) === Infinity ? 1 : Math.pow(x, y)
}

const isFloat32 = (runtime: Runtime): boolean => runtime.dtype === 'float32'

function expectClose(runtime: Runtime, actual: number, exact: number, label: string): void {
  const error = isFloat32(runtime) ? ulpError(actual, exact) : stepsApart(actual, exact)
  assert.ok(error <= (isFloat32(runtime) ? GREATEST_ULP : FLOAT64_STEPS), `${label} is ${actual}; expected ${exact}`)
}

/** pow of every pair in one row. */
function powers(runtime: Runtime, xs: readonly number[], ys: readonly number[]): number[] {
  const n = xs.length
  const graph = graphOf({ inputs: { x: n, y: n }, step: ({ x, y }) => ops.pow(x!, y!) })
  return evaluator(runtime, graph, 1)({ x: xs, y: ys })[0]!
}

const SPECIAL = [NaN, 0, -0, 1, -1, 0.5, -0.5, 2, -2, 3, -3, 2.5, -2.5, 4, -4, 2 ** -140, 1e30, -1e30, 2 ** 24 + 2]
const PAIRS = [...SPECIAL, Infinity, -Infinity].flatMap((x) =>
  [...SPECIAL, Infinity, -Infinity].map((y) => [x, y] as const),
)

for (const { name: binary, runtime } of binaries) {
  const test = suite(`pow (${binary})`)
  const round = isFloat32(runtime) ? Math.fround : (x: number) => x

  test('zeros, infinities, NaN, whole and other exponents of either sign', () => {
    const [xs, ys] = [PAIRS.map(([x]) => round(x)), PAIRS.map(([, y]) => round(y))]
    for (const [i, actual] of powers(runtime, xs, ys).entries()) {
      const [label, exact] = [`pow(${xs[i]}, ${ys[i]})`, reference(xs[i]!, ys[i]!)]
      expectClose(runtime, actual, exact, label)
      if (exact === 0) assert.ok(Object.is(actual, exact), `${label} is ${actual}; expected ${exact}`)
    }
  })

  test('is accurate where results reach from the least to the greatest', () => {
    const size = 1 << 16
    const [a, b, c] = ['base', 'size', 'exponent'].map((name) => generate(5, name, size)) as [
      Float64Array,
      Float64Array,
      Float64Array,
    ]
    const [xs, ys] = [new Array<number>(size), new Array<number>(size)]
    for (let i = 0; i < size; i++) {
      // near 1, where the exponent may be great, and far from it
      xs[i] = round(
        i % 2 ? 1 + a[i]! * 2 ** Math.round(10 * b[i]! - 12) : 2 ** Math.round(120 * b[i]!) * (1.5 + a[i]! / 2),
      )
      const logarithm = Math.log2(xs[i]!)
      ys[i] = round(logarithm === 0 ? c[i]! : (150 * c[i]!) / logarithm)
    }
    const results = powers(runtime, xs, ys)
    for (let i = 0; i < size; i++)
      expectClose(runtime, results[i]!, Math.pow(xs[i]!, ys[i]!), `pow(${xs[i]}, ${ys[i]})`)
  })

  test("an element's bits depend on neither its lane nor its neighbours", () => {
    const [xs, ys] = [SPECIAL.map(round), SPECIAL.map((y) => round(y / 2))]
    const whole = powers(runtime, xs, ys)
    for (const [i, x] of xs.entries()) {
      const alone = powers(runtime, [x], [ys[i]!])[0]!
      const behind = powers(runtime, [3, -1, NaN, x], [0.1, 2, 1, ys[i]!])[3]!
      assert.ok(Object.is(alone, whole[i]) && Object.is(behind, whole[i]), `pow(${x}, ${ys[i]})`)
    }
  })

  for (const exponent of [0, 1, 2, 3, 7, 8, -1, -2, -5, 0.5, -0.5, 2.5, 9, -11])
    test(`x to the power of the number ${exponent}, and its gradient`, () => {
      const xs = [0.5, 1.25, 2, 3, 0.75, 1.5, 1]
      if (Number.isInteger(exponent)) xs.push(-1.5, -2, -0.25)
      const step: Step = { inputs: { x: xs.length }, step: ({ x }) => ops.mul(x!, ops.pow(x!, exponent)) }
      const d = xs.map((_, i) => 1 + i / 4)
      const { output, gradients } = runStep(runtime, step, 1, { x: xs }, d)
      // x^(n+1) by at most 6 rounded products, its derivative by as many and two more; pow itself counts as one
      const tolerance = 16 * (isFloat32(runtime) ? 2 ** -24 : 2 ** -52)
      for (const [i, x] of xs.entries()) {
        const exact = Math.pow(x, exponent + 1)
        assert.ok(Math.abs(output[i]! - exact) <= tolerance * Math.abs(exact), `${x}^${exponent + 1} is ${output[i]}`)
        const slope = d[i]! * (exponent + 1) * Math.pow(x, exponent)
        const terms = d[i]! * (1 + Math.abs(exponent)) * Math.abs(Math.pow(x, exponent))
        assert.ok(
          Math.abs(gradients[0]![i]! - slope) <= tolerance * terms,
          `(${x}^${exponent + 1})' is ${gradients[0]![i]}`,
        )
      }
    })

  test('gradients at 0 and at exponent 0: none of base where y = 0, none of exponent where x = 0 and y >= 0', () => {
    const points = [
      { x: 0, y: 0, byX: 0, byY: 0 },
      { x: 0, y: 1, byX: 1, byY: 0 },
      { x: 0, y: 2.5, byX: 0, byY: 0 },
      { x: 0, y: 0.5, byX: Infinity, byY: 0 },
      { x: 4, y: 0, byX: 0, byY: round(Math.log(4)) },
      { x: 1, y: 3, byX: 3, byY: 0 },
      { x: 0, y: -1, byX: -Infinity, byY: -Infinity },
      { x: -2, y: 3, byX: 12, byY: NaN },
      { x: Infinity, y: 0, byX: 0, byY: Infinity },
    ]
    const n = points.length
    const step: Step = { inputs: { x: n, y: n }, step: ({ x, y }) => ops.pow(x!, y!) }
    const leaves = { x: points.map(({ x }) => x), y: points.map(({ y }) => y) }
    const { gradients } = runStep(runtime, step, 1, leaves, new Array(n).fill(1))
    for (const [i, { x, y, byX, byY }] of points.entries()) {
      const label = `of pow(${x}, ${y})`
      assert.ok(Object.is(gradients[0]![i]! + 0, byX), `by x ${label}: ${gradients[0]![i]}; expected ${byX}`)
      const gap = Math.abs(gradients[1]![i]! - byY)
      const isSame = Object.is(gradients[1]![i]! + 0, byY) || gap <= 2 ** -22 * Math.abs(byY)
      assert.ok(isSame, `by y ${label}: ${gradients[1]![i]}; expected ${byY}`)
    }
  })

  test('reciprocal is 1 / x, rounded once', () => {
    const xs = [1, -3, 0, -0, Infinity, NaN, 7, 2 ** -140, 1e30].map(round)
    const step: Step = { inputs: { x: xs.length }, step: ({ x }) => ops.reciprocal(x!) }
    const { output } = runStep(runtime, step, 1, { x: xs }, xs)
    for (const [i, x] of xs.entries()) assert.ok(Object.is(output[i], round(1 / x)), `1 / ${x} is ${output[i]}`)
  })
  test.run()
}

const built = suite('pow of numbers')
built('multiplies small whole exponents out, and takes the function for others', () => {
  const operations = (make: (x: Value) => Value): string[] => {
    const open = [make(fill(2, 'batch', 1))]
    const names: string[] = []
    for (let value = open.pop(); value !== undefined; value = open.pop()) {
      names.push(value.node.op.name)
      open.push(...value.node.inputs)
    }
    return names
  }
  assert.equal(
    operations((x) => ops.pow(x, 1)),
    ['fill'],
  )
  assert.equal(
    operations((x) => ops.pow(x, 4)),
    ['square', 'square', 'fill'],
  )
  assert.equal(
    operations((x) => ops.pow(x, -2)),
    ['reciprocal', 'square', 'fill'],
  )
  for (const exponent of [0.5, 9, -9, NaN]) assert.is(operations((x) => ops.pow(x, exponent))[0], 'pow')
})
built.run()
