/** Every operation that steps are written with: before the recurrence, within it, and on parameters; broadcast in every way. */
import { type Cell, Recurrent, type Value, defineCell } from '../../bindings/index.ts'
import * as ops from '../../bindings/ops.ts'
import { fewCalls } from './calls.ts'
import type { Program } from './program.ts'

const { add, concat, diag, diagonal, div, identity, linear, log, matmul, mean, mul, scale } = ops
const { logSoftmax, rows, shift, slice, softmax, solve, sqrt, square, sub, sum, tanh, transpose } = ops

/** Rows of 17 samples are more than one tile of elements, and fill no whole vector. */
const N = 21
const SIZES = { T: 31, B: 17, columns: N }

type Unary = (x: Value) => Value
const positive: Unary = (x) => shift(square(x), 0.5)

const UNARY: Readonly<Record<string, Unary>> = {
  neg: ops.neg,
  scale: (x) => scale(x, -0.7),
  shift: (x) => shift(x, 0.3),
  square,
  sqrt: (x) => sqrt(positive(x)),
  exp: ops.exp,
  expm1: ops.expm1,
  log: (x) => log(positive(x)),
  tanh,
  sigmoid: ops.sigmoid,
  relu: ops.relu,
  softplus: ops.softplus,
  sin: ops.sin,
  'sin, far': (x) => ops.sin(shift(x, 3e4)),
  cos: ops.cos,
  softmax,
  logSoftmax,
  'slice, concat': (x) => concat(slice(x, 7, 21), slice(x, 0, 3), slice(x, 3, 7)),
  'sum, mean': (x) => sub(x, add(mean(square(x)), scale(sum(x), 0.1))),
}

/** What is done before the recurrence, at each step of it, and with parameters alone. */
function everywhere(op: Unary): Cell {
  return defineCell({
    state: { h: N },
    input: { x: N },
    params: { weight: [N, N], bias: [N], gain: [N] },
    step: ({ x, h, weight, bias, gain }) => {
      const before = op(mul(x!, gain!))
      const within = op(linear(h!, weight!, before))
      const next = tanh(add(within, op(bias!)))
      return { state: { h: next }, output: add(next, before) }
    },
  })
}

const BINARY: Readonly<Record<string, (a: Value, b: Value) => Value>> = {
  add,
  sub,
  mul,
  div: (a, b) => div(a, positive(b)),
}

/** Rows of samples, a row of parameters, a column, a single number, on either side. */
function broadcast(op: (a: Value, b: Value) => Value): Cell {
  return defineCell({
    state: { h: N },
    input: { x: N },
    params: { weight: [N, N], bias: [N], number: [1] },
    step: ({ x, h, weight, bias, number }) => {
      const column = mean(h!)
      const drive = op(op(x!, bias!), op(bias!, x!))
      const within = [op(h!, drive), op(bias!, h!), op(h!, column), op(column, drive), op(number!, h!), op(h!, number!)]
      const all = within.reduce((total, part) => add(total, scale(part, 0.2)), op(h!, h!))
      const next = tanh(linear(all, op(weight!, op(bias!, number!))))
      return { state: { h: next }, output: op(next, x!) }
    },
  })
}

type Step = Cell['step']
const squares = (step: Step): Cell =>
  defineCell({
    state: { h: N },
    input: { x: N },
    params: { weight: [N, N], other: [N, N], bias: [N], tall: [2 * N, N] },
    step,
  })
const steps = (next: Value, output = next) => ({ state: { h: next }, output })

const PRODUCTS: Readonly<Record<string, Cell>> = {
  'linear from a bias, a value, nothing': squares(({ x, h, weight, other, bias }) =>
    steps(tanh(linear(h!, weight!, linear(x!, other!, bias!))), linear(h!, other!)),
  ),
  'matmul from a bias, a value, nothing': squares(({ x, h, weight, other, bias }) =>
    steps(tanh(matmul(h!, weight!, matmul(x!, other!, bias!))), matmul(h!, other!)),
  ),
  'one weight at several places': squares(({ x, h, weight }) =>
    steps(tanh(linear(tanh(linear(h!, weight!, linear(x!, weight!))), weight!)), matmul(h!, weight!)),
  ),
  'rows of a weight': squares(({ x, h, tall }) =>
    steps(tanh(linear(h!, rows(tall!, N, 2 * N), linear(x!, rows(tall!, 0, N)))), linear(h!, rows(tall!, 3, 9))),
  ),
  'products of parameters': squares(({ x, h, weight, other, bias }) => {
    const W = matmul(linear(weight!, other!), transpose(weight!))
    return steps(tanh(linear(h!, W, add(x!, linear(bias!, other!)))), softmax(linear(x!, softmax(W))))
  }),
  'diag, diagonal, identity': squares(({ x, h, weight, other, bias }) => {
    const W = sub(add(weight!, diag(bias!)), scale(identity(N), 0.3))
    return steps(tanh(linear(h!, W, x!)), mul(h!, add(diagonal(other!), diagonal(W))))
  }),
  'solve, of parameters on both sides': squares(({ x, h, weight, other, tall }) => {
    const A = add(weight!, scale(identity(N), 3))
    return steps(tanh(linear(h!, solve(A, other!), linear(x!, solve(transpose(A), rows(tall!, 0, N))))))
  }),
  'solve, with pivots': squares(({ x, h, weight, other }) => {
    const A = sub(weight!, scale(transpose(other!), 2))
    return steps(tanh(linear(h!, scale(solve(A, weight!), 0.1), linear(x!, other!))))
  }),
  'sums of parameters': squares(({ x, h, weight, other, bias }) => {
    const norm = sqrt(shift(sum(square(bias!)), 1e-3))
    return steps(tanh(linear(h!, div(weight!, norm), mul(x!, transpose(mean(other!))))), div(h!, norm))
  }),
}

const tabled = (cell: Cell, name: string): Program[] =>
  fewCalls(`operation ${name}`, (rt) => new Recurrent(rt, { cell }), SIZES)

export const operations: readonly Program[] = [
  ...Object.entries(UNARY).flatMap(([name, op]) => tabled(everywhere(op), name)),
  ...Object.entries(BINARY).flatMap(([name, op]) => tabled(broadcast(op), name)),
  ...Object.entries(PRODUCTS).flatMap(([name, cell]) => tabled(cell, name)),
]
