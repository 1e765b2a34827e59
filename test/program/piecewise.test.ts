/** All of it is exact: every binary gives the numbers of plain loops, to the last bit. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  Recurrent,
  type RetrogradError,
  type Runtime,
  type Tensor,
  type Value,
  defineCell,
} from '../../bindings/index.ts'
import * as ops from '../../bindings/ops.ts'
import { createBinaries } from '../support/binaries.ts'
import { generate } from '../support/generator.ts'
import { numbers } from '../support/nets.ts'
import { type Step, graphOf, runStep } from '../support/step.ts'

const binaries = await createBinaries()

/** [B, n]: below a vector, between vectors, a tile of 256 and beyond it. */
const SHAPES = [
  [1, 1],
  [1, 3],
  [3, 5],
  [16, 16],
  [17, 33],
] as const

const EDGES = [NaN, Infinity, -Infinity, 0, -0, 1, -1, 0.5, -0.5, 2 ** -149, -(2 ** -149), 2 ** 100, 2.5, -2.5]

/** Edges in the order of `seed`, ties among them, then draws; all of them float32. */
function operand(seed: number, size: number): number[] {
  const draws = generate(seed, 'operand', size, 3)
  return Array.from(draws, (x, i) => {
    const edge = EDGES[(seed + (seed + 1) * i) % EDGES.length]!
    return i % 3 === 2 ? Math.fround(x) : edge
  })
}

const cotangent = (size: number): number[] => Array.from(generate(9, 'cotangent', size), Math.fround)

type Numbers = readonly number[]
interface Claim {
  readonly operands: number
  readonly step: (...operands: Value[]) => Value
  readonly value: (...x: Numbers) => number
  /** The derivative by each operand, as a share of the gradient. */
  readonly shares: (...x: Numbers) => Numbers
}

const compare = (step: (a: Value, b: Value) => Value, value: (a: number, b: number) => boolean): Claim => ({
  operands: 2,
  step,
  value: (a, b) => Number(value(a!, b!)),
  shares: () => [0, 0],
})
const tie = (isFirst: (a: number, b: number) => boolean, a: number, b: number): Numbers =>
  a === b ? [0.5, 0.5] : a !== a || b !== b ? [1, 1] : isFirst(a, b) ? [1, 0] : [0, 1]
const sign = (x: number): number => (x > 0 ? 1 : x < 0 ? -1 : 0)

const CLAIMS: Record<string, Claim> = {
  greater: compare(ops.greater, (a, b) => a > b),
  less: compare(ops.less, (a, b) => a < b),
  greaterEqual: compare(ops.greaterEqual, (a, b) => a >= b),
  lessEqual: compare(ops.lessEqual, (a, b) => a <= b),
  equal: compare(ops.equal, (a, b) => a === b),
  maximum: { operands: 2, step: ops.maximum, value: Math.max, shares: (a, b) => tie((x, y) => x > y, a!, b!) },
  minimum: { operands: 2, step: ops.minimum, value: Math.min, shares: (a, b) => tie((x, y) => x < y, a!, b!) },
  abs: { operands: 1, step: ops.abs, value: Math.abs, shares: (x) => [sign(x!)] },
  sign: { operands: 1, step: ops.sign, value: (x) => sign(x!), shares: () => [0] },
  floor: { operands: 1, step: ops.floor, value: Math.floor, shares: () => [0] },
  clamp: {
    operands: 1,
    step: (x) => ops.clamp(x!, -0.5, 1),
    value: (x) => Math.min(Math.max(x!, -0.5), 1),
    shares: (x) => [Number(x! >= -0.5 && x! <= 1)],
  },
  'clamp without a lower bound': {
    operands: 1,
    step: (x) => ops.clamp(x!, -Infinity, 1),
    value: (x) => Math.min(x!, 1),
    shares: (x) => [Number(x! <= 1)],
  },
  where: {
    operands: 3,
    step: ops.where,
    value: (c, a, b) => (c !== 0 ? a! : b!),
    shares: (c) => (c !== 0 ? [0, 1, 0] : [0, 0, 1]),
  },
}

const NAMES = ['a', 'b', 'c']

/** Equal, zeros of both signs being one number. */
const same = (a: number, b: number): boolean => a === b || Object.is(a, b)

function expectSame(actual: Numbers, expected: Numbers, label: string): void {
  assert.is(actual.length, expected.length)
  const wrong = actual.findIndex((x, i) => !same(x, expected[i]!))
  assert.is(wrong, -1, `${label}: [${wrong}] is ${actual[wrong]}; expected ${expected[wrong]}`)
}

function check(runtime: Runtime, { operands, step, value, shares }: Claim, B: number, n: number): void {
  const names = NAMES.slice(0, operands)
  const x = names.map((_, k) => operand(k, B * n))
  const at = (i: number) => x.map((each) => each[i]!)
  const dOutput = cotangent(B * n)
  const inputs = Object.fromEntries(names.map((name) => [name, n]))
  const whole: Step = { inputs, step: (values) => step(...names.map((name) => values[name]!)) }
  const leaves = Object.fromEntries(names.map((name, k) => [name, x[k]!]))
  const { output, gradients } = runStep(runtime, whole, B, leaves, dOutput)
  expectSame(
    output,
    dOutput.map((_, i) => value(...at(i))),
    'value',
  )
  for (const [k, name] of names.entries()) {
    const expected = dOutput.map((d, i) => d * shares(...at(i))[k]!)
    expectSame(gradients[k]!, expected, `gradient by ${name}`)
  }
}

for (const { name: binary, runtime } of binaries) {
  const test = suite(`piecewise operations (${binary})`)
  for (const [name, claim] of Object.entries(CLAIMS))
    for (const [B, n] of SHAPES)
      test(`${name}, [${B}, ${n}]: values and gradients, edges and ties included`, () => check(runtime, claim, B, n))
  test.run()
}

const broadcast = suite('operands of different widths')
for (const { name: binary, runtime } of binaries)
  broadcast(`where takes a column, a vector and a value (${binary})`, () => {
    const [B, n] = [5, 7]
    const step: Step = {
      inputs: { c: 1, b: n },
      params: { a: [n] },
      step: ({ c, a, b }) => ops.where(c!, a!, b!),
    }
    const c = [1, 0, NaN, 0, -2]
    const chosen = c.map((each) => each !== 0)
    const [a, b, d] = [operand(2, n), operand(1, B * n), cotangent(B * n)]
    const { output, gradients } = runStep(runtime, step, B, { c, a, b }, d)
    const row = (i: number) => Math.floor(i / n)
    expectSame(
      output,
      d.map((_, i) => (chosen[row(i)] ? a[i % n]! : b[i]!)),
      'value',
    )
    expectSame(gradients[0]!, new Array(B).fill(0), 'by the condition')
    expectSame(
      gradients[1]!,
      d.map((each, i) => (chosen[row(i)] ? 0 : each)),
      'by the value',
    )
    const byVector = a.map((_, j) => {
      const picked = d.filter((_, i) => i % n === j && chosen[row(i)])
      return picked.reduce((sum, each) => (runtime.dtype === 'float32' ? Math.fround(sum + each) : sum + each), 0)
    })
    expectSame(gradients[2]!, byVector, 'by the vector')
  })
broadcast.run()

/** h' = x where h > 1, else clamp(0.5 h + x, -1.5, 2): few bits, so that every step is exact. */
const reset = defineCell({
  state: { h: 'H' },
  input: { x: 'H' },
  params: { start: ['H'] },
  step: ({ h, x, start }) => {
    const grown = ops.clamp(ops.add(ops.scale(h!, 0.5), x!), -1.5, 2)
    const next = ops.where(ops.greater(h!, start!), x!, grown)
    return { state: { h: next }, output: ops.maximum(next, ops.neg(next)) }
  },
})

function plainLoops(x: Numbers, dOutput: Numbers, T: number, n: number): { output: number[]; dX: number[] } {
  const h = new Array<number>(n * (T + 1)).fill(0)
  for (let i = 0; i < n * T; i++) {
    const grown = 0.5 * h[i]! + x[i]!
    h[i + n] = h[i]! > 1 ? x[i]! : Math.min(Math.max(grown, -1.5), 2)
  }
  const [dX, carried] = [new Array<number>(n * T).fill(0), new Array<number>(n).fill(0)]
  for (let i = n * T - 1; i >= 0; i--) {
    const d = carried[i % n]! + dOutput[i]! * sign(h[i + n]!)
    const grown = 0.5 * h[i]! + x[i]!
    const passes = h[i]! > 1 || (grown >= -1.5 && grown <= 2)
    dX[i] = passes ? d : 0
    carried[i % n] = h[i]! > 1 || !passes ? 0 : 0.5 * d
  }
  return { output: h.slice(n).map(Math.abs), dX }
}

const unrolled = suite('a leaky unit that is reset')
for (const { name: binary, runtime } of binaries)
  for (const [T, B, H] of [
    [1, 1, 1],
    [9, 3, 5],
    [12, 33, 9],
  ] as const)
    unrolled(`equals plain loops through time, ${T} x ${B} x ${H} (${binary})`, () => {
      const net = new Recurrent(runtime, { cell: reset, sizes: { H } })
      net.parameters()[0]!.value.data.fill(1)
      const size = T * B * H
      const coarse = (name: string) => Array.from(generate(4, name, size), (u) => Math.round(u * 8) / 8)
      const [x, d] = [coarse('x'), coarse('d')]
      const expected = plainLoops(x, d, T, B * H)
      expectSame(numbers(net.forward(runtime.tensor(x, [T, B, H])).output), expected.output, 'output')
      const back = net.backward({ output: runtime.tensor(d, [T, B, H]) })
      expectSame(numbers(back.input as Tensor), expected.dX, 'gradient by x')
      net.dispose()
    })
unrolled.run()

const refused = suite('clamp')
refused('refuses bounds the wrong way round, or none', () => {
  const attempt = (low: unknown, high: unknown) => () =>
    graphOf({ inputs: { x: 1 }, step: ({ x }) => ops.clamp(x!, low as number, high as number) })
  for (const [low, high] of [
    [2, 1],
    [undefined, 1],
    [0, NaN],
  ])
    assert.throws(
      attempt(low, high),
      (error: RetrogradError) =>
        error.code === 'cell' &&
        /clamp: (low is .*expected numbers, low <= high|argument 2 is undefined; expected a number)/.test(
          error.message,
        ),
    )
})
refused.run()
