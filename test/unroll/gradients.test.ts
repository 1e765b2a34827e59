import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  Activation,
  LayerNorm,
  GRU,
  type Input,
  LSTM,
  LastStep,
  Linear,
  type Module,
  RNN,
  Recurrent,
  type Runtime,
  Sequential,
  type Tensor,
  type Value,
  createRuntime,
  defineCell,
} from '../../bindings/index.ts'
import {
  add,
  div,
  exp,
  linear,
  mul,
  neg,
  prev,
  scale,
  sin,
  softplus,
  sqrt,
  square,
  sub,
  sum,
  tanh,
} from '../../bindings/ops.ts'
import { generate } from '../support/generator.ts'
import { dot, drawParameters, drawTensor, norm } from '../support/nets.ts'
import { STRUCTURED, structured } from '../support/structured.ts'

const T = 6
const B = 3

const pendulum = defineCell({
  state: { angle: 1, speed: 1 },
  input: { torque: 1 },
  params: { damping: [1] },
  step: ({ angle, speed, torque, damping }) => {
    const accel = sub(add(scale(sin(angle!), 9.81), torque!), mul(damping!, speed!))
    const nextSpeed = add(speed!, scale(accel, 0.02))
    return { state: { angle: add(angle!, scale(nextSpeed, 0.02)), speed: nextSpeed }, output: angle! }
  },
})

/** Reads its state one, two and four steps back; an output layer that the recurrence does not need. */
const delayed = defineCell({
  state: { h: 'H' },
  input: { x: 'I' },
  params: { U: ['H', 'I'], W1: ['H', 'H'], W2: ['H', 'H'], W4: ['H', 'H'], V: [2, 'H'] },
  step: ({ x, h, U, W1, W2, W4, V }) => {
    const next = tanh(linear(h!, W1!, linear(prev(h!, 2), W2!, linear(prev(h!, 4), W4!, linear(x!, U!)))))
    return { state: { h: next }, output: linear(next, V!) }
  },
})

/** A weight normalised by its rows' lengths, a rate that is positive by its form: chains of operations on parameters alone. */
const derived = defineCell({
  state: { h: 3 },
  input: { x: 3 },
  params: { V: [3, 3], gain: [3], rate: [1] },
  step: ({ x, h, V, gain, rate }) => {
    const W = div(V!, sqrt(sum(square(V!))))
    const decay = exp(neg(softplus(neg(rate!))))
    const next = tanh(add(mul(linear(h!, W), decay), mul(x!, exp(gain!))))
    return { state: { h: next }, output: next }
  },
})

const twoInputs = defineCell({
  state: { a: 2, b: 3 },
  input: { u: 2, v: 3 },
  params: { M: [3, 2], gain: [3] },
  step: ({ a, b, u, v, M, gain }) => ({
    state: { a: tanh(add(a!, mul(u!, u!))), b: sub(mul(gain!, b!), linear(a!, M!, v!)) },
    output: mul(b!, v!),
  }),
})

interface Net {
  readonly make: (runtime: Runtime) => Module
  readonly inputs: Record<string, readonly number[]>
}

const sequence = (columns: number) => ({ x: [T, B, columns] })

const NETS: Record<string, Net> = {
  'RNN tanh': { make: (rt) => new RNN(rt, { inputSize: 4, hiddenSize: 5 }), inputs: sequence(4) },
  'RNN identity, 2 layers': {
    make: (rt) => new RNN(rt, { inputSize: 3, hiddenSize: 5, numLayers: 2, nonlinearity: 'identity' }),
    inputs: sequence(3),
  },
  'RNN relu': {
    make: (rt) => new RNN(rt, { inputSize: 3, hiddenSize: 5, nonlinearity: 'relu' }),
    inputs: sequence(3),
  },
  LSTM: { make: (rt) => new LSTM(rt, { inputSize: 3, hiddenSize: 5 }), inputs: sequence(3) },
  'LSTM, 2 layers, batch first, no bias': {
    make: (rt) => new LSTM(rt, { inputSize: 3, hiddenSize: 4, numLayers: 2, bias: false, batchFirst: true }),
    inputs: { x: [B, T, 3] },
  },
  'LSTM unfused': { make: (rt) => new LSTM(rt, { inputSize: 3, hiddenSize: 5, fused: false }), inputs: sequence(3) },
  GRU: { make: (rt) => new GRU(rt, { inputSize: 3, hiddenSize: 5 }), inputs: sequence(3) },
  'GRU, reset before': {
    make: (rt) => new GRU(rt, { inputSize: 3, hiddenSize: 5, resetAfter: false, numLayers: 2 }),
    inputs: sequence(3),
  },
  'GRU unfused': { make: (rt) => new GRU(rt, { inputSize: 3, hiddenSize: 5, fused: false }), inputs: sequence(3) },
  'LSTM with other activations': {
    make: (rt) =>
      new LSTM(rt, { inputSize: 3, hiddenSize: 5, activation: 'softplus', recurrentActivation: 'hardSigmoid' }),
    inputs: sequence(3),
  },
  'GRU with other activations': {
    make: (rt) =>
      new GRU(rt, { inputSize: 3, hiddenSize: 5, activation: 'softplus', recurrentActivation: 'hardSigmoid' }),
    inputs: sequence(3),
  },
  'GRU with other activations, reset before': {
    make: (rt) =>
      new GRU(rt, {
        inputSize: 3,
        hiddenSize: 5,
        resetAfter: false,
        activation: 'relu',
        recurrentActivation: 'hardSigmoidKeras2',
      }),
    inputs: sequence(3),
  },
  'Linear on [B, I]': { make: (rt) => new Linear(rt, { inFeatures: 4, outFeatures: 3 }), inputs: { x: [B, 4] } },
  'LayerNorm on [T, B, n]': { make: (rt) => new LayerNorm(rt, { normalizedShape: 5 }), inputs: sequence(5) },
  'GRU, Activation, LayerNorm': {
    make: (rt) =>
      new Sequential(rt, [
        new GRU(rt, { inputSize: 3, hiddenSize: 4 }),
        new Activation(rt, { name: 'softplus' }),
        new LayerNorm(rt, { normalizedShape: 4 }),
      ]),
    inputs: sequence(3),
  },
  'LSTM, LastStep, Linear': {
    make: (rt) =>
      new Sequential(rt, [
        new LSTM(rt, { inputSize: 3, hiddenSize: 4 }),
        new LastStep(rt),
        new Linear(rt, { inFeatures: 4, outFeatures: 2 }),
      ]),
    inputs: sequence(3),
  },
  'a cell with derived parameters': { make: (rt) => new Recurrent(rt, { cell: derived }), inputs: sequence(3) },
  'a pendulum': { make: (rt) => new Recurrent(rt, { cell: pendulum }), inputs: { torque: [T, B, 1] } },
  'a cell with delayed reads': {
    make: (rt) => new Recurrent(rt, { cell: delayed, sizes: { H: 4, I: 2 } }),
    inputs: sequence(2),
  },
  'a cell with two inputs': {
    make: (rt) => new Recurrent(rt, { cell: twoInputs }),
    inputs: { u: [T, B, 2], v: [T, B, 3] },
  },
}
for (const [name, cell] of Object.entries(STRUCTURED)) {
  NETS[name] = { make: (rt) => structured(rt, cell, 3, 5), inputs: sequence(3) }
}

const runtime = await createRuntime({ dtype: 'float64' })
const test = suite('backward equals central differences')

/** h² f''' / 6 and 2⁻⁵² f / h are both below 1e-9 of these gradients. */
const H = 1e-5
/** As the issue asks: ‖Δ‖ / ‖g‖ per parameter. */
const TOLERANCE = 1e-7
const FULL_UP_TO = 40
const DIRECTIONS = 8

for (const [name, { make, inputs }] of Object.entries(NETS)) {
  test(name, () => {
    const net = make(runtime)
    drawParameters(net, 7)
    const given = Object.fromEntries(
      Object.entries(inputs).map(([key, shape]) => [key, drawTensor(runtime, 1, key, shape)]),
    )
    const input: Input = Object.keys(given).length === 1 ? Object.values(given)[0]! : given
    const initial = net.initialState(B)
    const states = initial === undefined || Array.isArray(initial) ? {} : (initial as Record<string, Tensor>)
    for (const [key, tensor] of Object.entries(states)) tensor.data.set(generate(2, key, tensor.size))
    const state = Object.keys(states).length > 0 ? { state: states } : {}
    const first = net.forward(input, state)
    const dOutput = drawTensor(runtime, 3, 'dOutput', first.output.shape)
    const dState = Object.fromEntries(
      Object.entries(states).map(([key, tensor]) => [key, drawTensor(runtime, 4, key, tensor.shape)]),
    )
    const loss = () => {
      const result = net.forward(input, state)
      const finals = result.state as Record<string, Tensor>
      return (
        dot(result.output.data, dOutput.data) +
        Object.entries(dState).reduce((sum, [key, d]) => sum + dot(finals[key]!.data, d.data), 0)
      )
    }
    net.zeroGrad()
    const gradients = net.backward({ output: dOutput, ...(Object.keys(dState).length > 0 && { state: dState }) })
    const byInput =
      Object.keys(given).length === 1
        ? { [Object.keys(given)[0]!]: gradients.input as Tensor }
        : (gradients.input as Record<string, Tensor>)
    const byState = gradients.state as Record<string, Tensor>
    const pairs: [string, Tensor, Tensor][] = [
      ...net.parameters().map(({ name: key, value, grad }): [string, Tensor, Tensor] => [key, value, grad]),
      ...Object.entries(given).map(([key, tensor]): [string, Tensor, Tensor] => [
        `input ${key}`,
        tensor,
        byInput[key]!,
      ]),
      ...Object.entries(states).map(([key, tensor]): [string, Tensor, Tensor] => [
        `state ${key}`,
        tensor,
        byState[key]!,
      ]),
    ]
    for (const [key, value, gradient] of pairs.map(([k, v, g]) => [k, v, Array.from(g.data)] as const)) {
      for (const direction of directions(value.size)) {
        const start = Array.from(value.data)
        const at = (h: number) => {
          value.data.set(start.map((x, i) => x + h * direction[i]!))
          return loss()
        }
        const numeric = (at(H) - at(-H)) / (2 * H)
        value.data.set(start)
        const gap = Math.abs(numeric - dot(direction, gradient))
        assert.ok(norm(gradient) > 1e-6, `${key}: the gradient is not 0`)
        assert.ok(gap <= TOLERANCE * norm(gradient) * norm(direction), `${key}: ${gap} of ${norm(gradient)}`)
      }
    }
  })
}
test.run()

/** Every element where there are few, else random directions. */
function directions(size: number): number[][] {
  if (size <= FULL_UP_TO)
    return Array.from({ length: size }, (_, i) => Array.from({ length: size }, (_, j) => Number(i === j)))
  return Array.from({ length: DIRECTIONS }, (_, d) => Array.from(generate(d, 'direction', size)))
}

const linearity = suite('backward')
linearity('is linear in the incoming gradient, and adds to grad', () => {
  const net = new GRU(runtime, { inputSize: 3, hiddenSize: 5 })
  const x = drawTensor(runtime, 1, 'x', [T, B, 3])
  const [a, b] = [drawTensor(runtime, 2, 'a', [T, B, 5]), drawTensor(runtime, 3, 'b', [T, B, 5])]
  const sum = runtime.tensor(
    Array.from(a.data, (v, i) => v + b.data[i]!),
    [T, B, 5],
  )
  net.forward(x)
  const grads = () => net.parameters().map(({ grad }) => Array.from(grad.data))
  net.zeroGrad()
  const one = [net.backward({ output: a }).input as Tensor, net.backward({ output: b }).input as Tensor]
  void one
  const added = grads()
  net.zeroGrad()
  net.backward({ output: sum })
  // a sum of T·B·H terms in another order, float64
  for (const [i, g] of grads().entries()) assert.ok(norm(g.map((v, k) => v - added[i]![k]!)) <= 1e-13 * norm(g))
})
linearity('takes derived parameters as they then are, as it takes the others', () => {
  const cells = [(a: Value) => scale(a, 2), (a: Value) => a].map((map) =>
    defineCell({
      state: {},
      input: { x: 2 },
      params: { W: [2, 2] },
      step: ({ x, W }) => ({ state: {}, output: linear(x!, map(W!)) }),
    }),
  )
  const x = drawTensor(runtime, 1, 'x', [T, B, 2])
  const [byDerived, plain] = cells.map((cell, i) => {
    const net = new Recurrent(runtime, { cell })
    net.forward(x)
    for (const { value } of net.parameters()) value.data.set([1, 2, 3, 4].map((w) => (i === 0 ? w : 2 * w)))
    return Array.from((net.backward({ output: x }).input as Tensor).data)
  })
  assert.equal(byDerived, plain)
})
linearity.run()
