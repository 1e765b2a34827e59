/** Cells of one's own: several inputs and states, reads further back, gates, and what a step may hand on as it is. */
import { type Cell, Recurrent, defineCell } from '../../bindings/index.ts'
import {
  add,
  concat,
  gruGates,
  linear,
  logSoftmax,
  lstmGates,
  mul,
  prev,
  scale,
  sigmoid,
  sin,
  slice,
  sub,
  tanh,
} from '../../bindings/ops.ts'
import { everyCall, fewCalls } from './calls.ts'
import type { Program } from './program.ts'
import type { Columns } from './run.ts'

const [T, B, N] = [31, 17, 6]

interface Own {
  readonly cell: Cell
  readonly columns: Columns
  readonly batchFirst?: boolean
}

const CELLS: Readonly<Record<string, Own>> = {
  'pendulum of two states and inputs': {
    columns: { torque: 1, wind: 1 },
    cell: defineCell({
      state: { angle: 1, speed: 1 },
      input: { torque: 1, wind: 1 },
      params: { damping: [1], drag: [1] },
      initial: { damping: 0.1, drag: [0.2, 0.3] },
      step: ({ angle, speed, torque, wind, damping, drag }) => {
        const push = sub(torque!, mul(drag!, sub(speed!, wind!)))
        const accel = sub(add(scale(sin(angle!), -9.81), push), mul(damping!, speed!))
        const next = add(speed!, scale(accel, 0.02))
        return { state: { angle: add(angle!, scale(next, 0.02)), speed: next }, output: concat(angle!, speed!) }
      },
    }),
  },
  'states read further back': {
    columns: N,
    cell: defineCell({
      state: { a: N, b: N },
      input: { x: N },
      params: { weight: [N, N] },
      step: ({ x, a, b, weight }) => {
        const next = tanh(add(linear(a!, weight!, x!), scale(prev(a!, 3), 0.5)))
        const slow = add(scale(prev(b!, 2), 0.3), mul(prev(a!, 7), b!))
        return { state: { a: next, b: slow }, output: add(next, prev(b!, 4)) }
      },
    }),
  },
  'states that change places, batch first': {
    columns: N,
    batchFirst: true,
    cell: defineCell({
      state: { a: N, b: N, c: N },
      input: { x: N },
      params: { gain: [N] },
      step: ({ x, a, b, c, gain }) => ({ state: { a: b!, b: x!, c: mul(gain!, add(a!, c!)) }, output: c! }),
    }),
  },
  'an input handed on': {
    columns: { x: N, y: 2 },
    cell: defineCell({
      state: { h: 2 },
      input: { x: N, y: 2 },
      params: { weight: [2, N] },
      step: ({ x, y, h, weight }) => ({ state: { h: linear(x!, weight!, mul(y!, h!)) }, output: x! }),
    }),
  },
  'gates of LSTM, two of them': {
    columns: 3,
    cell: defineCell({
      state: { h: N, c: N, d: N },
      input: { x: 3 },
      params: { weightIh: [4 * N, 3], weightHh: [4 * N, N], bias: [4 * N] },
      step: ({ x, h, c, d, weightIh, weightHh, bias }) => {
        const gates = linear(h!, weightHh!, linear(x!, weightIh!, bias!))
        const first = lstmGates(gates, c!)
        const second = lstmGates(tanh(gates), d!)
        return { state: { h: first.hidden, c: first.cell, d: second.cell }, output: mul(second.hidden, first.cell) }
      },
    }),
  },
  'gates of GRU behind a softmax': {
    columns: 3,
    cell: defineCell({
      state: { h: N },
      input: { x: 3 },
      params: { weightIh: [3 * N, 3], weightHh: [3 * N, N] },
      step: ({ x, h, weightIh, weightHh }) => {
        const next = gruGates(linear(x!, weightIh!), linear(h!, weightHh!), h!)
        return { state: { h: next }, output: logSoftmax(next) }
      },
    }),
  },
  'no parameters': {
    columns: N,
    cell: defineCell({
      state: { h: N },
      input: { x: N },
      params: {},
      step: ({ x, h }) => {
        const next = tanh(add(scale(h!, 0.9), x!))
        return { state: { h: next }, output: sub(next, x!) }
      },
    }),
  },
}

const stateless = defineCell({
  state: {},
  input: { x: N },
  params: { weight: [2 * N, N] },
  step: ({ x, weight }) => {
    const both = linear(x!, weight!)
    return { state: {}, output: mul(sigmoid(slice(both, 0, N)), slice(both, N, 2 * N)) }
  },
})

export const cells: readonly Program[] = [
  ...Object.entries(CELLS).flatMap(([name, { cell, columns, batchFirst = false }]) =>
    everyCall(`cell, ${name}`, (rt) => new Recurrent(rt, { cell, batchFirst }), { sizes: { T, B, columns } }),
  ),
  ...fewCalls('cell, no state', (rt) => new Recurrent(rt, { cell: stateless }), { T, B, columns: N }),
]
