/** Operations, each called inside a step that is traced. */
import { Recurrent, type Value, defineCell } from '../../../bindings/index.ts'
import * as ops from '../../../bindings/ops.ts'
import { type Change, type Entry, call } from './entry.ts'

/** x: [B, 2], h: [B, 2]; w, m: [2, 2]; b: [2]; g: [8, 2], whose rows are four blocks of gates. */
type Values = Readonly<Record<'x' | 'h' | 'w' | 'b' | 'g' | 'r', Value>>

const unary = ['abs', 'cos', 'exp', 'expm1', 'floor', 'log', 'logSoftmax', 'mean', 'neg', 'reciprocal', 'relu', 'sigmoid', 'sign', 'sin', 'softmax', 'softplus', 'sqrt', 'square', 'sum', 'tanh'] as const // prettier-ignore
const binary = [
  'add',
  'div',
  'equal',
  'greater',
  'greaterEqual',
  'less',
  'lessEqual',
  'maximum',
  'minimum',
  'mul',
  'sub',
] as const

const ARGUMENTS: Record<keyof typeof ops, (values: Values) => unknown[]> = {
  ...(Object.fromEntries(unary.map((name) => [name, ({ x }: Values) => [x]])) as Record<
    (typeof unary)[number],
    (values: Values) => unknown[]
  >),
  ...(Object.fromEntries(binary.map((name) => [name, ({ x, h }: Values) => [x, h]])) as Record<
    (typeof binary)[number],
    (values: Values) => unknown[]
  >),
  batchMatmul: ({ x, h }) => [x, h, { m: 1, k: 2, n: 1 }],
  blockDiagonal: ({ x, r }) => [x, r],
  clamp: ({ x }) => [x, -1, 1],
  concat: ({ x, h }) => [x, h],
  diag: ({ b }) => [b],
  diagonal: ({ w }) => [w],
  gruGates: ({ x, g, h }) => [
    ops.linear(x, ops.rows(g, 0, 6)),
    ops.linear(h, ops.rows(g, 0, 6)),
    h,
    { activation: ops.tanh, recurrentActivation: ops.sigmoid },
  ],
  identity: () => [2],
  linear: ({ x, w, b }) => [x, w, b],
  lstmGates: ({ x, g, h }) => [ops.linear(x, g), h, { activation: ops.tanh, recurrentActivation: ops.sigmoid }],
  matmul: ({ x, w, h }) => [x, w, h],
  outer: ({ x, h }) => [x, h],
  pow: ({ x }) => [x, 2],
  prev: ({ h }) => [h, 2],
  rows: ({ g }) => [g, 0, 2],
  scale: ({ x }) => [x, 2],
  shift: ({ x }) => [x, 1],
  slice: ({ x }) => [x, 0, 1],
  solve: ({ w }) => [w, w],
  transpose: ({ w }) => [w],
  where: ({ x, h }) => [ops.greater(x, h), x, h],
}

const OPS: object = ops

const inStep = (name: keyof typeof ops, change: Change) =>
  defineCell({
    state: { h: 2 },
    input: { x: 2 },
    params: { w: [2, 2], b: [2], g: [8, 2], r: [2, 1] },
    step: (values) => {
      const args = change(ARGUMENTS[name](values as Values))
      call(OPS, name, args)
      return { state: { h: values.h! }, output: values.h! }
    },
  })

export const STEPS: readonly Entry[] = (Object.keys(ARGUMENTS) as (keyof typeof ops)[]).map((name) => ({
  name: `ops.${name}`,
  takes: ['argument 2: number', 'argument 1: number'],
  run: ({ rt }, change) => new Recurrent(rt, { cell: inStep(name, change) }).dispose(),
}))
