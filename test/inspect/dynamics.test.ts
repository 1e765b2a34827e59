/** Vanishing and exploding, Lyapunov spectra, and saturation. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  GRU,
  LSTM,
  type Module,
  RNN,
  Recurrent,
  clipGradNorm,
  createRuntime,
  defineCell,
} from '../../bindings/index.ts'
import { gradientFlow, jacobianProduct, lyapunovSpectrum, saturation, stepJacobian } from '../../bindings/inspect.ts'
import { add, mul, prev, scale, square, sub } from '../../bindings/ops.ts'
import { diagonal, expectNear, matrixOf, product, valueOf } from '../support/inspect.ts'
import { drawParameters, drawTensor, norm, numbers } from '../support/nets.ts'

const [I, H, T, B] = [3, 4, 6, 2]
const EPS = 2 ** -52
const runtime = await createRuntime({ dtype: 'float64', seed: 1 })

const sigmoid = (a: number) => 1 / (1 + Math.exp(-a))

function make(Kind: typeof RNN | typeof LSTM | typeof GRU, more: object = {}, size = 0.6) {
  const module = new Kind(runtime, { inputSize: I, hiddenSize: H, ...more } as never) as Module
  drawParameters(module, 5, size)
  const { batchFirst } = module
  return { module, x: drawTensor(runtime, 1, 'x', batchFirst ? [B, T, I] : [T, B, I]) }
}

/** Gram and Schmidt: a rotation of H dimensions, rows of H. */
function orthogonal(n: number): number[][] {
  const rows = Array.from({ length: n }, (_, i) => numbers(drawTensor(runtime, 9, `q${i}`, [n])))
  for (const [i, row] of rows.entries()) {
    for (let pass = 0; pass < 2; pass++) {
      for (const other of rows.slice(0, i)) {
        const share = row.reduce((sum, v, k) => sum + v * other[k]!, 0)
        for (let k = 0; k < n; k++) row[k]! -= share * other[k]!
      }
    }
    const size = norm(row)
    for (let k = 0; k < n; k++) row[k]! /= size
  }
  return rows
}

const LONG = 60
function elman(nonlinearity: string, gain: number, n = 8) {
  const module = new RNN(runtime, { inputSize: 2, hiddenSize: n, nonlinearity } as never)
  const Q = orthogonal(n)
  valueOf(module, 'weight_hh_l0').data.set(Q.flat().map((value) => gain * value))
  const output = runtime.tensor(new Float64Array(LONG * n), [LONG, 1, n])
  output.data.fill(1, (LONG - 1) * n)
  return { module, output, x: drawTensor(runtime, 2, 'x', [LONG, 1, 2], 0.1) }
}

const norms = suite('vanishing and exploding')
norms(
  'a linear net with an orthogonal matrix keeps every norm; a small one vanishes, a scaled-up one explodes, and clipping tames it',
  () => {
    const flows = (
      [
        ['identity', 1],
        ['tanh', 0.5],
        ['identity', 1.5],
      ] as const
    ).map(([nonlinearity, gain]) => {
      const { module, x, output } = elman(nonlinearity, gain)
      return { module, x, output, norms: gradientFlow(module, x, { output }).states['h']! }
    })
    const [kept, small, large] = flows.map(({ norms }) => norms) as [Float64Array, Float64Array, Float64Array]
    // T products of 8 terms
    for (const value of kept) assert.ok(Math.abs(value - Math.sqrt(8)) <= LONG * 9 * EPS * Math.sqrt(8))
    const { matrix, norm: size } = jacobianProduct(flows[0]!.module, flows[0]!.x, { from: 0, to: LONG })
    assert.ok(Math.abs(size[0]! - Math.sqrt(8)) <= LONG * 9 * EPS * Math.sqrt(8))
    const gram = product(
      matrixOf(matrix, 0),
      matrixOf(matrix, 0)[0]!.map((_, j) => matrixOf(matrix, 0).map((row) => row[j]!)),
    )
    expectNear(gram.flat(), diagonal(new Array(8).fill(1)).flat(), LONG * 9, EPS, 'orthogonal')
    assert.ok(small[0]! <= Math.sqrt(8) * 0.5 ** (LONG - 1) && small[0]! > 0)
    for (let t = 0; t < LONG - 1; t++) assert.ok(small[t]! <= 0.5 * small[t + 1]! * (1 + 9 * EPS), `vanishing at ${t}`)
    for (let t = 0; t < LONG - 1; t++)
      assert.ok(Math.abs(large[t]! / large[t + 1]! - 1.5) <= 20 * EPS, `exploding at ${t}`)
    const { module, x, output } = flows[2]!
    module.zeroGrad()
    module.forward(x)
    module.backward({ output })
    const before = clipGradNorm(module, 1)
    const all = module.parameters().flatMap(({ grad }) => numbers(grad))
    assert.ok(before > 1e9)
    assert.ok(Math.abs(norm(all) - 1) < 1e-6, 'PyTorch adds 1e-6 to the norm')
  },
)
norms.run()

const spectra = suite('lyapunovSpectrum')
const fold = (params: object, state: object, step: unknown) =>
  new Recurrent(runtime, { cell: defineCell({ input: { x: 1 }, params, state, step } as never) })

spectra('ρ Q: every exponent is ln ρ', () => {
  for (const [gain, every, count] of [
    [0.7, 1, 8],
    [1.3, 5, 3],
  ] as const) {
    const { module, x } = elman('identity', gain)
    const { exponents, perSample } = lyapunovSpectrum(module, x, { every, count })
    assert.is(exponents.length, count)
    assert.equal([...perSample[0]!], [...exponents])
    // each step's vectors and their norms are sums of 8 terms
    for (const value of exponents) assert.ok(Math.abs(value - Math.log(gain)) <= 9 * 4 * EPS, `${value}`)
  }
})

spectra('logistic map at r = 4: ln 2, up to what the ends of the orbit say', () => {
  const steps = 3000
  const one = fold({ one: [1] }, { h: 1 }, ({ h, one }: never) => {
    const next = scale(mul(h, sub(one, h)), 4)
    return { state: { h: next }, output: next }
  })
  valueOf(one, 'one').data.fill(1)
  const starts = [0.3, 0.61]
  const x = runtime.tensor(new Float64Array(steps * 2), [steps, 2, 1])
  const { exponents, perSample } = lyapunovSpectrum(one, x, { state: { h: runtime.tensor(starts, [2, 1]) }, every: 10 })
  for (const [sample, start] of starts.entries()) {
    let [h, sum, slack] = [start, 0, 0]
    for (let t = 0; t < steps; t++) {
      sum += Math.log(Math.abs(4 * (1 - 2 * h)))
      const next = 4 * (h * (1 - h))
      slack += (4 * EPS) / (1 - next) + 16 * EPS // rounding of next moves ln(next (1 - next)) by this, and of a factor and its log
      h = next
    }
    const expected = sum / steps
    assert.ok(Math.abs(perSample[sample]![0]! - expected) <= slack / steps + 16 * EPS)
    // f' = 2 √(f (1 - f) / (h (1 - h))): the map is the tent map in other coordinates, so the error is that of the ends
    const ends = Math.log((h * (1 - h)) / (start * (1 - start))) / (2 * steps)
    assert.ok(Math.abs(perSample[sample]![0]! - Math.log(2) - ends) <= slack / steps + 16 * EPS, `${perSample[sample]}`)
    assert.ok(Math.abs(perSample[sample]![0]! - Math.log(2)) < 0.01)
  }
  assert.ok(Math.abs(exponents[0]! - (perSample[0]![0]! + perSample[1]![0]!) / 2) <= EPS)
})

const HENON = {
  'two states': () =>
    fold({ one: [1] }, { u: 1, v: 1 }, ({ u, v, one }: never) => {
      const next = add(sub(one, scale(square(u), 1.4)), v)
      return { state: { u: next, v: scale(u, 0.3) }, output: next }
    }),
  'a delayed read': () =>
    fold({ one: [1] }, { u: 1 }, ({ u, one }: never) => {
      const next = add(sub(one, scale(square(u), 1.4)), scale(prev(u, 2), 0.3))
      return { state: { u: next }, output: next }
    }),
}
for (const [title, build] of Object.entries(HENON)) {
  spectra(`Hénon map, ${title}: the exponents sum to ln b, the greatest is 0.419`, () => {
    const steps = 3000
    const module = build()
    valueOf(module, 'one').data.fill(1)
    const x = runtime.tensor(new Float64Array(steps), [steps, 1, 1])
    const { exponents } = lyapunovSpectrum(module, x, { every: 2 })
    assert.is(exponents.length, 2)
    // each step's determinant is exactly -0.3; QR's rounding is relative to the greatest factor, below 4, over what it leaves, above 0.02
    assert.ok(Math.abs(exponents[0]! + exponents[1]! - Math.log(0.3)) <= 3000 * EPS, `${exponents}`)
    // local exponents spread by about 0.6 and are correlated over few steps: 0.6 √(4 / 3000) = 0.02
    assert.ok(Math.abs(exponents[0]! - 0.4192) < 0.02, `${exponents}`)
  })
}

spectra("linear delays: the moduli of the companion matrix's eigenvalues", () => {
  // (z - 0.9)(z + 0.5)(z - 0.2) = z³ - 0.6 z² - 0.37 z + 0.09
  const module = fold({ one: [1] }, { u: 1 }, ({ u, x, one }: never) => {
    const next = add(add(mul(scale(u, 0.6), one), scale(prev(u, 2), 0.37)), add(scale(prev(u, 3), -0.09), x))
    return { state: { u: next }, output: next }
  })
  valueOf(module, 'one').data.fill(1)
  const steps = 400
  const { exponents } = lyapunovSpectrum(module, runtime.tensor(new Float64Array(steps), [steps, 1, 1]))
  // the start's transient is the logarithm of a condition number, here below 4, once
  for (const [i, root] of [0.9, 0.5, 0.2].entries())
    assert.ok(Math.abs(exponents[i]! - Math.log(root)) <= 4 / steps, `${exponents}`)
  assert.ok(Math.abs(exponents.reduce((a, b) => a + b) - Math.log(0.09)) <= 100 * EPS, 'the determinant')
})

spectra('samples go their own ways; a stack counts all its states', () => {
  const { module, x } = make(LSTM, { numLayers: 2 })
  const { perSample, exponents } = lyapunovSpectrum(module, x)
  assert.is(exponents.length, 4 * H)
  const jacobiansOf = Array.from({ length: T }, (_, t) => stepJacobian(module, x, { step: t + 1 }).matrix)
  for (let b = 0; b < B; b++) {
    // ln |det| of the product, by elimination
    const logs = jacobiansOf.map((J) => logDeterminant(matrixOf(J, b)))
    const sum = logs.reduce((a, c) => a + c) / T
    assert.ok(Math.abs(perSample[b]!.reduce((a, c) => a + c) - sum) <= 1e-9 * Math.abs(sum), 'conditions up to 1e6')
  }
})

function logDeterminant(matrix: number[][]): number {
  const rows = matrix.map((row) => [...row])
  let sum = 0
  for (let k = 0; k < rows.length; k++) {
    const pivot = rows
      .slice(k)
      .reduce((best, row, i) => (Math.abs(row[k]!) > Math.abs(rows[best]![k]!) ? k + i : best), k)
    ;[rows[k], rows[pivot]] = [rows[pivot]!, rows[k]!]
    sum += Math.log(Math.abs(rows[k]![k]!))
    for (const row of rows.slice(k + 1)) {
      const factor = row[k]! / rows[k]![k]!
      for (let j = k; j < row.length; j++) row[j]! -= factor * rows[k]![j]!
    }
  }
  return sum
}
spectra.run()

const saturated = suite('saturation')
const fillBlock = (module: Module, name: string, block: number, value: number) =>
  valueOf(module, name).data.fill(value, block * H, (block + 1) * H)

saturated('dead ReLU units are counted, those of padding are not', () => {
  const { module, x } = make(RNN, { nonlinearity: 'relu' }, 0.2)
  valueOf(module, 'bias_ih_l0').data.set([9, -9, 9, -9])
  valueOf(module, 'weight_hh_l0').data.fill(0)
  const { activations, deadUnits } = saturation(module, x)
  const [name] = Object.keys(activations) as [string]
  assert.equal(deadUnits, { [name]: [1, 3] })
  assert.is(activations[name]!.low, 0.5)
  assert.is(activations[name]!.high, 0.5)
  const alive = x.clone()
  valueOf(module, 'weight_ih_l0').data.fill(1, 3, 6)
  alive.data.fill(10, 5 * B * I) // only in the last step, which is padding
  assert.equal(saturation(module, alive).deadUnits, { [name]: [3] })
  assert.equal(saturation(module, alive, { lengths: [5, 5] }).deadUnits, { [name]: [1, 3] })
})

saturated('gates driven shut and open by their biases; time constants in closed form; padding is not read', () => {
  const { module, x } = make(LSTM, { numLayers: 2 })
  for (const { name, value } of module.parameters()) if (name !== 'weight_ih_l0') value.data.fill(0)
  valueOf(module, 'weight_ih_l0').data.fill(0)
  for (const [block, bias] of [-5, 2, 5, 5].entries()) fillBlock(module, 'bias_ih_l0', block, bias)
  const spoilt = x.clone()
  spoilt.data.fill(Number.NaN, 2 * B * I)
  for (const [input, lengths] of [
    [x, [6, 6]],
    [spoilt, [2, 1]],
  ] as const) {
    const { activations, timeConstants, deadUnits } = saturation(module, input, { lengths: [...lengths] })
    const shares = (name: string) => [activations[name]!.low, activations[name]!.high]
    assert.equal(shares('i_l0'), [1, 0])
    assert.equal(shares('f_l0'), [0, 0])
    assert.equal(shares('g_l0'), [0, 1])
    assert.equal(shares('o_l0'), [0, 1])
    assert.equal(shares('i_l1'), [0, 0])
    assert.equal(deadUnits, {})
    for (const value of activations['f_l0']!.mean) assert.ok(Math.abs(value - sigmoid(2)) <= 16 * EPS)
    assert.equal(Object.keys(timeConstants), ['f_l0', 'f_l1'])
    for (const value of timeConstants['f_l0']!)
      assert.ok(Math.abs(value - 1 / Math.log1p(Math.exp(-2))) <= 64 * EPS * value)
    for (const value of timeConstants['f_l1']!) assert.ok(Math.abs(value - 1 / Math.LN2) <= 16 * EPS)
  }
  const wide = saturation(module, x, { margin: 0.3 }).activations['f_l0']!
  assert.is(wide.high, 1, 'sigmoid(2) = 0.88 is above 1 - 0.3')
  fillBlock(module, 'bias_ih_l0', 1, 60)
  assert.equal([...saturation(module, x).timeConstants['f_l0']!], new Array(H).fill(Infinity), 'a gate of exactly 1')
})

saturated('GRU: z keeps; shares are those of plain loops', () => {
  const { module, x } = make(GRU, {}, 3)
  valueOf(module, 'weight_hh_l0').data.fill(0)
  const { activations, timeConstants } = saturation(module, x, { margin: 0.2 })
  const [W, bi, bh] = ['weight_ih_l0', 'bias_ih_l0', 'bias_hh_l0'].map((name) => numbers(valueOf(module, name))) as [
    number[],
    number[],
    number[],
  ]
  const rows = Array.from({ length: T * B }, (_, r) => numbers(x).slice(r * I, (r + 1) * I))
  const z = rows.map((row) =>
    Array.from({ length: H }, (_, i) =>
      sigmoid(row.reduce((sum, v, k) => sum + v * W[(H + i) * I + k]!, bi[H + i]! + bh[H + i]!)),
    ),
  )
  const share = (holds: (value: number) => boolean) => z.flat().filter(holds).length / (T * B * H)
  assert.ok(share((value) => value < 0.2) > 0)
  assert.ok(Math.abs(activations['z']!.low - share((value) => value < 0.2)) <= EPS)
  assert.ok(Math.abs(activations['z']!.high - share((value) => value > 0.8)) <= EPS)
  for (let i = 0; i < H; i++) {
    const mean = z.reduce((sum, row) => sum + row[i]!, 0) / (T * B)
    // -1 / ln raises the rounding of a mean near 1 by 1 / (1 - mean)
    assert.ok(Math.abs(timeConstants['z']![i]! * -Math.log(mean) - 1) <= (64 * EPS) / (1 - mean))
  }
})
saturated.run()
