import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  Adam,
  Linear,
  type Module,
  Recurrent,
  type RetrogradError,
  type Runtime,
  Sequential,
  type Tensor,
  antisymmetricRnnCell,
  createRuntime,
  defineCell,
  diagonalRnnCell,
  indRnnCell,
  minGruCell,
  mseLoss,
  orthogonalRnnCell,
} from '../../bindings/index.ts'
import * as reference from '../reference/cells.ts'
import { generate } from '../support/generator.ts'
import { drawParameters, drawTensor, norm, numbers, stateNumbers } from '../support/nets.ts'
import { STRUCTURED, structured } from '../support/structured.ts'
import { difference, maxAbs, sumTolerance } from '../support/tolerance.ts'

/** Gradients are in gradients.test.ts; split, streamed and batched runs in bits.test.ts. */
const REFERENCES: Record<string, reference.ReferenceStep> = {
  'orthogonal RNN': reference.orthogonal('tanh'),
  'orthogonal RNN, identity, no bias': reference.orthogonal('identity'),
  IndRNN: reference.ind('tanh'),
  'IndRNN, relu': reference.ind('relu'),
  AntisymmetricRNN: reference.antisymmetric(0.3, 0.2, false),
  'AntisymmetricRNN, gated': reference.antisymmetric(0.3, 0.2, true),
  minGRU: reference.minGru,
  'diagonal RNN': reference.diagonal,
}

const [T, B, I, H] = [6, 3, 3, 5]
const runtimes = [await createRuntime({ variant: 'simd', seed: 2 }), await createRuntime({ dtype: 'float64', seed: 2 })]

const forward = suite('forward equals plain float64 loops')
for (const runtime of runtimes) {
  for (const [name, cell] of Object.entries(STRUCTURED)) {
    forward(`${name} (${runtime.dtype})`, () => {
      const net = structured(runtime, cell, I, H)
      drawParameters(net, 3, 0.25)
      const x = drawTensor(runtime, 4, 'x', [T, B, I])
      const state = net.initialState(B) as Record<string, Tensor>
      for (const [key, tensor] of Object.entries(state)) tensor.data.set(generate(5, key, tensor.size))
      const parameters = Object.fromEntries(net.parameters().map(({ name: key, value }) => [key, numbers(value)]))
      const expected = run(REFERENCES[name]!, parameters, numbers(x), stateNumbers(state))
      const { output, state: last } = net.forward(x, { state })
      // Each step adds roundings of sums of I + H terms, of a solve (3 H, κ∞ <= 3) and of some ten functions
      const terms = T * (I + H + 9 * H + 10)
      const growth = parameters['skewHh'] || !parameters['weightHh'] ? 1 : stretch(parameters['weightHh']) ** T
      const tolerance = sumTolerance({ dtype: runtime.dtype, terms, scale: growth * maxAbs(expected.output) })
      assert.is(difference(numbers(output), expected.output, tolerance), undefined)
      for (const [key, values] of Object.entries(stateNumbers(last)))
        assert.is(difference(values, expected.state[key]!, tolerance), undefined, key)
    })
  }
}
forward.run()

/** The reference over [T, B, I]: outputs [T, B, n], last states [B, n]. */
function run(
  step: reference.ReferenceStep,
  parameters: Record<string, number[]>,
  x: number[],
  initial: Record<string, number[]>,
): { output: number[]; state: Record<string, number[]> } {
  const samples = Array.from({ length: B }, (_, b) => {
    let state: Readonly<Record<string, number[]>> = Object.fromEntries(
      Object.entries(initial).map(([key, values]) => [key, values.slice(b * H, (b + 1) * H)]),
    )
    const outputs = Array.from({ length: T }, (_, t) => {
      const next = step(parameters, x.slice((t * B + b) * I, (t * B + b + 1) * I), state)
      state = next.state
      return next.output
    })
    return { outputs, state }
  })
  return {
    output: Array.from({ length: T }, (_, t) => samples.flatMap(({ outputs }) => outputs[t]!)).flat(),
    state: Object.fromEntries(Object.keys(initial).map((key) => [key, samples.flatMap(({ state }) => state[key]!)])),
  }
}

/**
 * How much a step may stretch an error at most, beside 1. IndRNN: |u|, below 1. Antisymmetric: 1 + 0.3 ‖M‖∞, and in the
 * gated one both factors move: z' tanh + z tanh' <= 1.25.
 */
function stretch(weightHh: readonly number[]): number {
  if (weightHh.length === H) return 1
  const W = (i: number, j: number) => weightHh[i * H + j]!
  const rows = Array.from({ length: H }, (_, i) =>
    Array.from({ length: H }, (_unused, j) => Math.abs(W(i, j) - W(j, i))).reduce((a, b) => a + b, 0.2),
  )
  return 1 + 0.3 * 1.25 * maxAbs(rows)
}

/** 200 steps of Adam towards what came in three steps ago; the losses. */
function train(runtime: Runtime, net: Recurrent, lr: number): number[] {
  const model = new Sequential(runtime, [net, new Linear(runtime, { inFeatures: 8, outFeatures: 1 })])
  const [steps, batch] = [12, 8]
  const x = drawTensor(runtime, 6, 'x', [steps, batch, 1])
  const target = runtime.tensor(
    x.data.map((_, i) => (i < 3 * batch ? 0 : x.data[i - 3 * batch]!)),
    [steps, batch, 1],
  )
  const optimizer = new Adam(model, { lr })
  return Array.from({ length: 200 }, () => {
    model.zeroGrad()
    const loss = mseLoss(model.forward(x).output, target)
    model.backward({ output: loss.grad })
    optimizer.step()
    return loss.value
  })
}

/** The recurrent matrix that the core makes of `skewHh`, by columns: steps of a linear net from the unit vectors. */
function recurrentMatrix({ runtime }: Recurrent, skewHh: Tensor): number[][] {
  const size = skewHh.shape[0]!
  const linear = structured(runtime, orthogonalRnnCell({ nonlinearity: 'identity', bias: false }), 1, size)
  linear.loadStateDict({ ...linear.stateDict(), skewHh })
  const state = linear.initialState(size) as { h: Tensor }
  state.h.data.set(Array.from({ length: size * size }, (_, i) => Number(i % (size + 1) === 0)))
  const columns = numbers(linear.step(runtime.tensor(new Float64Array(size), [size, 1]), state).output)
  return Array.from({ length: size }, (_, i) => columns.slice(i * size, (i + 1) * size))
}

/** The greatest |QᵀQ - I|, element by element. */
function departure(columns: number[][]): number {
  const products = columns.flatMap((a, i) =>
    columns.map((b, j) => a.reduce((sum, value, k) => sum + value * b[k]!, -Number(i === j))),
  )
  return maxAbs(products)
}

const orthogonal = suite('the orthogonal RNN')
for (const runtime of runtimes) {
  orthogonal(`Q stays orthogonal over 200 steps of Adam (${runtime.dtype})`, () => {
    const net = structured(runtime, orthogonalRnnCell(), 1, 8)
    const skew = net.parameters().find(({ name }) => name === 'skewHh')!.value
    const before = recurrentMatrix(net, skew)
    const loss = train(runtime, net, 0.01)
    assert.ok(loss.at(-1)! < loss[0]! / 4, `${loss[0]} → ${loss.at(-1)}`)
    const after = recurrentMatrix(net, skew)
    assert.ok(norm(after.flat().map((q, i) => q - before.flat()[i]!)) > 0.1, 'Q moves')
    // I ± A are exact but for A's own rounding, which keeps it antisymmetric; the solve is float64; so a float32 Q is an
    // orthogonal one rounded, each element by a relative u = 2^-24, and |QᵀQ - I| <= 2 u + u² (its columns have length 1)
    const bound = runtime.dtype === 'float64' ? 1e-12 : 2 ** -23 * 1.001
    for (const Q of [before, after]) assert.ok(departure(Q) <= bound, `${departure(Q)}`)
  })
}
orthogonal('linear, keeps the norm of the gradient over 1,000 steps in float32', () => {
  const [steps, batch, size] = [1000, 4, 32]
  const runtime = runtimes[0]!
  const net = structured(runtime, orthogonalRnnCell({ nonlinearity: 'identity' }), 1, size)
  net.forward(drawTensor(runtime, 7, 'x', [steps, batch, 1]))
  const d = drawTensor(runtime, 8, 'd', [1, batch, size])
  const incoming = runtime.tensor(d.data, [batch, size])
  const { state } = net.backward({ state: { h: incoming } })
  const lengths = (tensor: Tensor) =>
    Array.from({ length: batch }, (_, b) => norm(tensor.data.slice(b * size, (b + 1) * size)))
  const outgoing = lengths((state as { h: Tensor }).h)
  const ratios = lengths(incoming).map((length, b) => outgoing[b]! / length)
  for (const ratio of ratios) assert.ok(Math.abs(ratio - 1) <= 1e-4, `${ratio}`)
})
orthogonal.run()

const diagonal = suite('the diagonal RNN')

/** |λ| as the core computes it: a step without input from re = 1, im = 0. */
function radii(net: Recurrent, size: number): number[] {
  const state = net.initialState(1) as { re: Tensor; im: Tensor }
  state.re.data.fill(1)
  net.step(net.runtime.tensor([0], [1, 1]), state)
  return Array.from({ length: size }, (_, i) => Math.hypot(state.re.data[i]!, state.im.data[i]!))
}

for (const runtime of runtimes) {
  diagonal(`|λ| stays below 1: at first, trained fast, and set by hand (${runtime.dtype})`, () => {
    const net = structured(runtime, diagonalRnnCell(), 1, 8)
    const first = radii(net, 8)
    // the ring that the cell asks for, within the roundings of float32's sin, cos and exp
    assert.ok(Math.min(...first) > 0.9 - 1e-6 && Math.max(...first) < 0.999 + 1e-6, `${first}`)
    const loss = train(runtime, net, 0.05)
    assert.ok(loss.at(-1)! < loss[0]! / 4, `${loss[0]} → ${loss.at(-1)}`)
    assert.ok(Math.max(...radii(net, 8)) < 1)
    const nu = net.parameters().find(({ name }) => name === 'nu')!.value
    nu.data.set([-12, -8, -4, -1, 0, 1, 4, 12])
    assert.ok(Math.max(...radii(net, 8)) < 1, `${radii(net, 8)}`)
  })
}
diagonal('has an output of another size where one is asked for', () => {
  for (const [outputSize, sizes] of [
    [2, { I: 1, H: 3 }],
    ['O', { I: 1, H: 3, O: 2 }],
  ] as const) {
    const net: Module = new Recurrent(runtimes[0]!, { cell: diagonalRnnCell({ outputSize }), sizes })
    assert.equal(net.forward(drawTensor(runtimes[0]!, 1, 'x', [4, 2, 1])).output.shape, [4, 2, 2])
  }
})
diagonal.run()

const starting = suite('initial values')
const runtime = runtimes[1]!
const start = (net: Recurrent, param: string) =>
  numbers(net.parameters().find(({ name }) => name === param)!.value).toSorted((a, b) => a - b)

starting('start where the cell says, or where init says', () => {
  const sizes = { I: 2, H: 200 }
  const u = start(new Recurrent(runtime, { cell: indRnnCell(), sizes }), 'weightHh')
  // the least and the greatest of 200 draws from U(0, 1) miss 0.1 and 0.9 once in 10^9
  assert.ok(u[0]! >= 0 && u[0]! < 0.1 && u.at(-1)! <= 1 && u.at(-1)! > 0.9)
  const own = new Recurrent(runtime, { cell: indRnnCell(), sizes, init: { weightHh: [0.5, 0.6], bias: 0.1 } })
  const v = start(own, 'weightHh')
  assert.ok(v[0]! >= 0.5 && v.at(-1)! <= 0.6 && v[0]! < v.at(-1)!)
  assert.equal(new Set(start(own, 'bias')), new Set([0.1]))
})

const REFUSED: [string, () => unknown, string, RegExp][] = [
  [
    'an unknown option',
    () => orthogonalRnnCell({ biass: true } as never),
    'option',
    /orthogonalRnnCell: unknown option/,
  ],
  [
    'a nonlinearity',
    () => indRnnCell({ nonlinearity: 'sine' as never }),
    'option',
    /indRnnCell: nonlinearity is 'sine'/,
  ],
  ['a bias', () => minGruCell({ bias: 1 as never }), 'option', /minGruCell: bias is 1; expected true or false/],
  ['an epsilon', () => antisymmetricRnnCell({ epsilon: NaN }), 'option', /antisymmetricRnnCell: epsilon is NaN/],
  ['a size', () => diagonalRnnCell({ size: 1 } as never), 'option', /diagonalRnnCell: unknown option 'size'/],
  [
    'a start of no parameter',
    () => defineCell({ ...indRnnCell(), initial: { nothing: 1 } }),
    'cell',
    /defineCell: initial names 'nothing', which is no parameter/,
  ],
  ...([[1, 0], [1], ['a', 'b'], 'zero'] as const).map((bias): [string, () => unknown, string, RegExp] => [
    `init ${bias}`,
    () => new Recurrent(runtime, { cell: minGruCell(), sizes: { I: 1, H: 1 }, init: { bias: bias as never } }),
    'option',
    /^Recurrent: init: bias is /,
  ]),
]
for (const [name, make, code, message] of REFUSED) {
  starting(`refuses ${name}`, () => {
    assert.throws(make, (error: RetrogradError) => error.code === code && message.test(error.message))
  })
}
starting.run()
