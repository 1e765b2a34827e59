import { readFileSync, readdirSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createRuntime } from '../../bindings/index.ts'
import { adjoint } from '../../bindings/program/adjoint.ts'
import type { StepGraph, Value } from '../../bindings/program/graph.ts'
import { columnSum } from '../../bindings/program/ops/broadcast.ts'
import { pad } from '../../bindings/program/ops/columns.ts'
import { fill } from '../../bindings/program/ops/constant.ts'
import { dropout } from '../../bindings/program/ops/dropout.ts'
import { copy, flush, reluGrad, sigmoidGrad, tanhGrad } from '../../bindings/program/ops/elementwise.ts'
import * as ops from '../../bindings/program/ops/index.ts'
import { productOverRows } from '../../bindings/program/ops/products.ts'
import { tangent } from '../../bindings/program/tangent.ts'
import { evaluator } from '../support/evaluate.ts'
import { generate } from '../support/generator.ts'
import { type Step, gradientGraph, graphOf } from '../support/step.ts'

const B = 2
const n = 3

interface Case extends Step {
  /** Where the inputs lie: away from kinks and poles. */
  readonly from?: number
  readonly to?: number
  /** The derivative is 0 there. */
  readonly flat?: boolean
}

const one = (step: (x: Value) => Value, from = -2, to = 2): Case => ({
  inputs: { x: n },
  from,
  to,
  step: ({ x }) => step(x!),
})
const two = (step: (a: Value, b: Value) => Value, from = 0.5, to = 2): Case => ({
  inputs: { a: n, b: n },
  from,
  to,
  step: ({ a, b }) => step(a!, b!),
})

/** Every operation at least once, and the ways they are broadcast. */
const CASES: Record<string, Case> = {
  copy: one(copy),
  flush: one(flush),
  neg: one(ops.neg),
  scale: one((x) => ops.scale(x, -1.7)),
  shift: one((x) => ops.mul(ops.shift(x, 0.3), x)),
  square: one(ops.square),
  sqrt: one(ops.sqrt, 0.5, 3),
  exp: one(ops.exp),
  expm1: one(ops.expm1),
  log: one(ops.log, 0.5, 3),
  tanh: one(ops.tanh),
  sigmoid: one(ops.sigmoid),
  'relu, positive side': one(ops.relu, 0.1, 2),
  'relu, negative side': { ...one(ops.relu, -2, -0.1), flat: true },
  softplus: one(ops.softplus),
  sin: one(ops.sin),
  cos: one(ops.cos),
  'dropout, off': one((x) => dropout(ops.tanh(x), 0.3)),
  softmax: one(ops.softmax),
  logSoftmax: one(ops.logSoftmax),
  rowSum: one((x) => ops.mul(x, ops.sum(x))),
  mean: one(ops.mean),
  slice: one((x) => ops.square(ops.slice(x, 1, 3))),
  pad: one((x) => ops.mul(pad(x, 1, 5), pad(ops.exp(x), 0, 5))),
  add: two(ops.add),
  sub: two(ops.sub),
  mul: two(ops.mul),
  div: two(ops.div),
  tanhGrad: two(tanhGrad),
  sigmoidGrad: two(sigmoidGrad),
  reluGrad: two(reluGrad),
  maximum: two(ops.maximum),
  minimum: two(ops.minimum),
  abs: one(ops.abs),
  reciprocal: one(ops.reciprocal, 0.5, 2),
  pow: two(ops.pow),
  'pow by numbers': one((x) => ops.sub(ops.pow(x, 1.7), ops.mul(ops.pow(x, 3), ops.pow(x, -2))), 0.5, 2),
  clamp: one((x) => ops.clamp(x, -1.1, 0.7)),
  where: {
    inputs: { c: n, a: n, b: n },
    // c itself gets no gradient, but by way of a and b
    step: ({ c, a, b }) => ops.where(ops.greater(c!, a!), ops.mul(a!, c!), ops.square(b!)),
  },
  ...Object.fromEntries(
    Object.entries({ sign: ops.sign, floor: ops.floor }).map(([name, op]) => [name, { ...one(op), flat: true }]),
  ),
  ...Object.fromEntries(
    Object.entries({
      greater: ops.greater,
      less: ops.less,
      greaterEqual: ops.greaterEqual,
      lessEqual: ops.lessEqual,
      equal: ops.equal,
    }).map(([name, op]) => [name, { ...two(op), flat: true }]),
  ),
  concat: two((a, b) => ops.square(ops.concat(a, b, a))),
  fill: one((x) => ops.sub(fill(1, 'batch', n), ops.square(x))),
  'expandColumns (by a column)': { inputs: { x: n, y: 1 }, step: ({ x, y }) => ops.mul(x!, y!) },
  'expandRows (by a vector)': { inputs: { x: n }, params: { v: [n] }, step: ({ x, v }) => ops.mul(x!, v!) },
  'a vector of one element': { inputs: { x: n }, params: { v: [1] }, step: ({ x, v }) => ops.mul(x!, v!) },
  linear: { inputs: { x: n }, params: { W: [4, n], b: [4] }, step: ({ x, W, b }) => ops.linear(x!, W!, b) },
  'linear on a value': { inputs: { x: n, y: 4 }, params: { W: [4, n] }, step: ({ x, y, W }) => ops.linear(x!, W!, y) },
  matmul: { inputs: { x: n }, params: { W: [n, 4] }, step: ({ x, W }) => ops.matmul(x!, W!) },
  batchMatmul: {
    inputs: { a: 6, b: 12 },
    step: ({ a, b }) => {
      const c = ops.batchMatmul(a!, b!, { m: 2, k: 3, n: 4 })
      const d = ops.batchMatmul(c, b!, { m: 2, k: 4, n: 3, transposeB: true })
      return ops.batchMatmul(ops.tanh(d), a!, { m: 3, k: 2, n: 3, transposeA: true })
    },
  },
  'batchMatmul of two transposes': {
    inputs: { a: 6, b: 12 },
    step: ({ a, b }) => ops.square(ops.batchMatmul(a!, b!, { m: 2, k: 3, n: 4, transposeA: true, transposeB: true })),
  },
  outer: two((a, b) => ops.mul(ops.outer(a, b), ops.outer(b, ops.square(a)))),
  blockDiagonal: {
    inputs: { x: 4 },
    params: { W: [6, 2] },
    step: ({ x, W }) => ops.tanh(ops.blockDiagonal(x!, W!)),
  },
  rows: { inputs: { x: n }, params: { W: [5, n] }, step: ({ x, W }) => ops.linear(x!, ops.rows(W!, 1, 4)) },
  'transpose and arithmetic on parameters': {
    inputs: { x: n },
    params: { W: [n, n] },
    step: ({ x, W }) => ops.linear(x!, ops.sub(ops.tanh(W!), ops.transpose(W!))),
  },
  'diag and diagonal of parameters': {
    inputs: { x: n },
    params: { v: [n], W: [n, n] },
    step: ({ x, v, W }) => ops.mul(ops.linear(x!, ops.add(ops.diag(ops.exp(v!)), W!)), ops.diagonal(ops.square(W!))),
  },
  solve: {
    inputs: { x: n },
    params: { W: [n, n], V: [n, 2] },
    // 4 I + W: far from singular
    step: ({ x, W, V }) => ops.matmul(x!, ops.solve(ops.add(W!, ops.scale(ops.identity(n), 4)), V!)),
  },
  'products of parameters': {
    inputs: { x: n },
    params: { W: [n, n], V: [n, n] },
    step: ({ x, W, V }) => ops.linear(x!, ops.matmul(W!, V!)),
  },
  'a bias on rows of parameters': {
    inputs: { x: n },
    params: { W: [4, n], v: [n] },
    step: ({ x, W, v }) => ops.linear(x!, ops.mul(W!, v!)),
  },
  'productOverRows and columnSum of parameters': {
    inputs: { x: n },
    params: { W: [n, n], V: [n, n] },
    step: ({ x, W, V }) => ops.linear(x!, productOverRows(W!, V!), columnSum(ops.square(V!))),
  },
  lstmGates: { inputs: { a: 4 * n, c: n }, step: ({ a, c }) => ops.concat(...Object.values(ops.lstmGates(a!, c!))) },
  'gates of other functions': {
    inputs: { a: 4 * n, c: n },
    step: ({ a, c }) => {
      const functions = { activation: ops.softplus, recurrentActivation: ops.tanh }
      const { hidden, cell } = ops.lstmGates(a!, c!, functions)
      return ops.gruGates(ops.slice(a!, 0, 3 * n), ops.concat(hidden, cell, c!), hidden, functions)
    },
  },
  gruGates: { inputs: { gi: 3 * n, gh: 3 * n, h: n }, step: ({ gi, gh, h }) => ops.gruGates(gi!, gh!, h!) },
}

const runtime = await createRuntime({ dtype: 'float64' })

const leavesOf = (graph: StepGraph): Value[] => [...graph.inputs, ...graph.params]
const sizeOf = (value: Value): number => (value.rows === 'batch' ? B : value.rows) * value.columns

function draw(name: string, seed: number, size: number, from: number, to: number): number[] {
  return Array.from(generate(seed, name, size), (u) => from + ((u + 1) / 2) * (to - from))
}

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0)
const norm = (a: readonly number[]): number => Math.sqrt(dot(a, a))

const differences = suite('the adjoint equals central differences')
const doubled = suite('the tangent equals the adjoint of the adjoint')

/** Second-order central differences in float64: h² f''' / 6 and 2⁻⁵² f / h are both below 1e-9 here. */
const H = 1e-5

for (const [name, test] of Object.entries(CASES)) {
  const { from = -1.5, to = 1.5 } = test
  for (const fused of name.endsWith('Gates') ? [true, false] : [false]) {
    differences(`${name}${fused ? ', fused' : ''}`, () => {
      const primal = graphOf(test, fused)
      const leaves = leavesOf(primal)
      const point = Object.fromEntries(
        leaves.map((leaf, i) => [leaf.node.name, draw(leaf.node.name, i, sizeOf(leaf), from, to)]),
      )
      const output = primal.outputs[0]!
      const weight = draw('weight', 99, sizeOf(output), -1, 1)
      const value = evaluator(runtime, primal, B)
      const gradients = evaluator(runtime, gradientGraph(primal), B)({ ...point, dOutput0: weight })
      for (const [i, leaf] of leaves.entries()) {
        const numbers = point[leaf.node.name]!
        const numeric = numbers.map((x, k) => {
          const at = (shifted: number) =>
            dot(weight, value({ ...point, [leaf.node.name]: numbers.with(k, shifted) })[0]!)
          return (at(x + H) - at(x - H)) / (2 * H)
        })
        const gap = norm(numeric.map((g, k) => g - gradients[i]![k]!))
        const size = norm(gradients[i]!)
        if (test.flat || (name === 'reluGrad' && leaf.node.name === 'b')) assert.is(size, 0)
        else assert.ok(size > 1e-3 && gap <= 1e-7 * size, `by ${leaf.node.name}: ${gap} of ${size}`)
      }
    })
  }
  doubled(name, () => {
    const primal = graphOf(test, false)
    const leaves = leavesOf(primal)
    const point = Object.fromEntries(
      leaves.map((leaf, i) => [leaf.node.name, draw(leaf.node.name, i, sizeOf(leaf), from, to)]),
    )
    const directions = leaves.map((leaf, i) => draw(leaf.node.name, 50 + i, sizeOf(leaf), -1, 1))
    const twins = Object.fromEntries(leaves.map((leaf, i) => [`${leaf.node.name}.`, directions[i]!]))
    const forward = evaluator(runtime, tangent(primal), B)({ ...point, ...twins })[1]!
    // the adjoint is linear in its cotangent: its adjoint applied to a direction is the Jacobian times that direction
    const first = gradientGraph(primal)
    const cotangent = first.inputs[0]!
    renameCotangent(cotangent)
    const second = adjoint({ ...first, inputs: [cotangent], params: [] })
    const cotangents = Object.fromEntries(directions.map((direction, i) => [`dOutput${i}`, direction]))
    const reverse = evaluator(
      runtime,
      second,
      B,
    )({ ...point, ...cotangents, seed: draw('any', 3, sizeOf(primal.outputs[0]!), -1, 1) })[0]!
    const gap = norm(forward.map((x, i) => x - reverse[i]!))
    // both sum the same few terms in float64, in another order
    if (test.flat) assert.equal([norm(forward), gap], [0, 0])
    else assert.ok(norm(forward) > 1e-3 && gap <= 64 * 2 ** -52 * norm(forward), `${gap} of ${norm(forward)}`)
  })
}

/** Keeps the first adjoint's cotangent apart from those of the second, which get the same names. */
function renameCotangent(leaf: Value): void {
  ;(leaf.node as { name: string }).name = 'seed'
}

differences.run()
doubled.run()

/** Names of the operations that the sources define, leaves aside. */
function definedOperations(): string[] {
  const folder = new URL('../../bindings/program/ops/', import.meta.url)
  const text = readdirSync(folder)
    .filter((name) => name !== 'leaves.ts')
    .map((name) => readFileSync(new URL(name, folder), 'utf8'))
    .join('')
  const found = text.matchAll(
    /: Operation = \{\s*name: '(\w+)'|= (?:unary|unaryWithConstant|binary|ternary|productOperation)\(\s*'(\w+)'/g,
  )
  return [...found].map(([, object, built]) => (object ?? built)!)
}

const table = suite('the table of cases')
table('has one for every operation', () => {
  const graphs = Object.values(CASES).flatMap((test) => [graphOf(test, true), graphOf(test, false)])
  const covered = new Set(graphs.flatMap((graph) => [...opsOf(graph), ...opsOf(gradientGraph(graph))]))
  const defined = definedOperations()
  assert.ok(defined.length > 45)
  assert.equal(
    defined.filter((op) => !covered.has(op)),
    [],
  )
})
table.run()

function opsOf(graph: StepGraph): string[] {
  const seen = new Set<Value>()
  const open = [...graph.outputs]
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (!seen.has(value)) open.push(...value.node.inputs)
    seen.add(value)
  }
  return [...seen].map((value) => value.node.op.name)
}
