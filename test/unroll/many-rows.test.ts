/**
 * Sums over 10^6 rows in float32 beside float64: gradients of weights and biases, sums over wide rows, losses and norms. 0.1 at every place is
 * the worst that a running sum can meet, for all its roundings go the same way (1 % off); 0.05 to 0.15 is the usual.
 */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  DEQ,
  Embedding,
  type ForwardOptions,
  GRU,
  LSTM,
  LayerNorm,
  Linear,
  type Module,
  PositionalEmbedding,
  RNN,
  Recurrent,
  type Runtime,
  type Tensor,
  bceWithLogitsLoss,
  clipGradNorm,
  createRuntime,
  crossEntropyLoss,
  defineCell,
  huberLoss,
  mseLoss,
} from '../../bindings/index.ts'
import { add, concat, logSoftmax, mean, mul, sum } from '../../bindings/ops.ts'
import { generate } from '../support/generator.ts'

const N = 1e6

/**
 * Of a sum of 10^6 float32 numbers: 256 + 64 + 62 roundings one after the other, half an ulp of the running sum each, would be 1.1e-5 if
 * all were as large as may be and went the same way. What is asked for is 1e-5.
 */
const TOLERANCE = 1e-5

type Draw = (name: string, count: number) => Float32Array
const worst: Draw = (_, count) => new Float32Array(count).fill(0.1)
const usual: Draw = (name, count) => Float32Array.from(generate(1, name, count, 0.05), (x) => x + 0.1)

type Results = Record<string, ArrayLike<number>>
type Case = (rt: Runtime, draw: Draw) => Results

/** The same parameters, between -0.09 and 0.21, in both precisions. */
function withParameters<Kind extends Module>(module: Kind): Kind {
  for (const { name, value } of module.parameters())
    value.data.set(Float32Array.from(generate(3, name, value.size, 0.15), (x) => Math.fround(x + 0.06)))
  return module
}

function gradients(module: Module, input: Tensor, draw: Draw, options: ForwardOptions = {}): Results {
  const { output } = module.forward(input, options)
  const { runtime } = module
  module.backward({ output: runtime.tensor(draw('d', output.size), output.shape) }, { inputGradient: false })
  return Object.fromEntries(module.parameters().map(({ name, grad }) => [name, Float64Array.from(grad.data)]))
}

const net =
  (make: (rt: Runtime) => Module, shape: readonly number[], options: ForwardOptions = {}): Case =>
  (rt, draw) => {
    const count = shape.reduce((size, axis) => size * axis, 1)
    return gradients(withParameters(make(rt)), rt.tensor(draw('x', count), shape), draw, options)
  }

const size = { inputSize: 1, hiddenSize: 3 }
const leaky = defineCell({
  state: { h: 1 },
  input: { x: 1 },
  params: { a: [1], b: [1] },
  step: ({ x, h, a, b }) => {
    const next = add(mul(a!, h!), mul(b!, x!))
    return { state: { h: next }, output: next }
  },
})
const wide = defineCell({
  state: {},
  input: { x: N },
  params: {},
  step: ({ x }) => ({ state: {}, output: concat(sum(x!), mean(x!), mean(logSoftmax(x!))) }),
})
const rounded = (loss: { value: number }): Results => ({ value: [loss.value] })

const CASES: Record<string, Case> = {
  'Linear, all rows in one step': net((rt) => new Linear(rt, { inFeatures: 1, outFeatures: 1 }), [N, 1]),
  'Linear, [1000, 1000, 3]': net((rt) => new Linear(rt, { inFeatures: 3, outFeatures: 2 }), [1000, 1000, 3]),
  'Linear, a row per step': net((rt) => new Linear(rt, { inFeatures: 2, outFeatures: 9 }), [N, 1, 2]),
  LayerNorm: (rt, draw) => {
    const input = rt.tensor(
      draw('x', 4 * N).map((x, i) => (i % 4) + x),
      [N, 4],
    )
    return gradients(new LayerNorm(rt, { normalizedShape: 4 }), input, draw)
  },
  'Embedding, one id': (rt, draw) =>
    gradients(new Embedding(rt, { numEmbeddings: 2, embeddingDim: 3 }), rt.indices(new Int32Array(N), [N]), draw),
  'Embedding, seven ids': (rt, draw) =>
    gradients(
      new Embedding(rt, { numEmbeddings: 9, embeddingDim: 5 }),
      rt.indices(
        Int32Array.from({ length: N }, (_, i) => (i * i) % 7),
        [1000, 1000],
      ),
      draw,
    ),
  PositionalEmbedding: net((rt) => new PositionalEmbedding(rt, { maxLength: 2, embeddingDim: 3 }), [2, N / 2, 3]),
  'RNN, one sample': net((rt) => new RNN(rt, size), [N, 1, 1]),
  'LSTM, ten samples': net((rt) => new LSTM(rt, size), [N / 10, 10, 1]),
  'GRU, both directions, batch first, lengths': net(
    (rt) => new GRU(rt, { ...size, bidirectional: true, batchFirst: true }),
    [10, N / 10, 1],
    { lengths: Array.from({ length: 10 }, (_, i) => N / 10 - i) },
  ),
  'LSTM, truncated by a sliding window': net((rt) => new LSTM(rt, size), [N / 4, 1, 1], {
    truncation: { window: 2, stride: 1 },
  }),
  'a cell with parameters of one number': net((rt) => new Recurrent(rt, { cell: leaky }), [N, 1, 1]),
  'DEQ, implicit': net(
    (rt) => new DEQ(rt, { inputSize: 1, hiddenSize: 2, solver: { name: 'picard', tol: 1e-7, maxIter: 99 } }),
    [N / 4, 1],
  ),
  'DEQ, through its iterations': net(
    (rt) =>
      new DEQ(rt, {
        inputSize: 1,
        hiddenSize: 2,
        solver: { name: 'picard', tol: 1e-7, maxIter: 30 },
        adjoint: 'unrolled',
      }),
    [N / 20, 1],
  ),
  'sums along rows': (rt, draw) => ({
    output: new Recurrent(rt, { cell: wide }).forward(rt.tensor(draw('x', N), [1, 1, N])).output.data,
  }),
  mseLoss: (rt, draw) => rounded(mseLoss(rt.tensor(draw('x', N)), rt.tensor(new Float32Array(N)))),
  huberLoss: (rt, draw) => rounded(huberLoss(rt.tensor(draw('x', N)), rt.tensor(new Float32Array(N)))),
  bceWithLogitsLoss: (rt, draw) =>
    rounded(bceWithLogitsLoss(rt.tensor(draw('x', N), [N, 1]), rt.tensor(new Float32Array(N), [N, 1]))),
  crossEntropyLoss: (rt, draw) =>
    rounded(crossEntropyLoss(rt.tensor(draw('x', 2 * N), [N, 2]), rt.indices(new Int32Array(N), [N]))),
  'the norm of a gradient': (rt, draw) => {
    const linear = new Linear(rt, { inFeatures: 1000, outFeatures: 1000, bias: false })
    linear.parameters()[0]!.grad.data.set(draw('g', N))
    return { norm: [clipGradNorm(linear, 1e9)] }
  },
}

const greatest = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => Math.max(a, Math.abs(b)), 0)

const rows = suite('sums over a million rows')
for (const [name, results] of Object.entries(CASES)) {
  // a GRU's gates settle on a constant input, where the terms of some gradients cancel to nothing
  const draw = name.startsWith('GRU') ? usual : worst
  rows(`${name}: within ${TOLERANCE} of float64`, async () => {
    const of = async (options: object) => {
      const rt = await createRuntime({ seed: 1, ...options })
      try {
        return results(rt, draw)
      } finally {
        rt.dispose()
      }
    }
    const [single, double] = [await of({ variant: 'simd' }), await of({ dtype: 'float64' })]
    for (const [what, expected] of Object.entries(double)) {
      const differences = Array.from(expected, (value, i) => single[what]![i]! - value)
      const error = greatest(differences) / greatest(expected)
      assert.ok(error <= TOLERANCE, `${what}: ${error}`)
    }
  })
}

rows('checkpoints give the bits of the whole tape, also where sums are long', async () => {
  const run = async (options: ForwardOptions) => {
    const rt = await createRuntime({ variant: 'simd', seed: 1 })
    const x = rt.tensor(usual('x', 30_000), [10_000, 3, 1])
    return gradients(withParameters(new GRU(rt, size)), x, usual, options)
  }
  const whole = await run({})
  for (const checkpoint of ['sqrt', 3, 40] as const) assert.equal(await run({ checkpoint }), whole, String(checkpoint))
  assert.equal(await run({ truncation: { window: 20_000, stride: 10_000 } }), whole, 'one window over all')
})

rows('gradients are added to those that are there, call after call', async () => {
  const rt = await createRuntime({ dtype: 'float64', seed: 1 })
  const lstm = withParameters(new LSTM(rt, size))
  const x = rt.tensor(usual('x', 40_000), [20_000, 2, 1])
  const once = gradients(lstm, x, usual)
  const twice = gradients(lstm, x, usual)
  // the second call's parts are added to what the first one left: 40 of them, and 64-bit roundings
  for (const [name, values] of Object.entries(once)) {
    const difference = Array.from(values, (g, i) => twice[name]![i]! - 2 * g)
    assert.ok(greatest(difference) <= 100 * 2 ** -53 * greatest(twice[name]!), name)
  }
})
rows.run()
