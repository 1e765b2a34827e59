import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { GRU, LSTM, RNN, type Tensor, createRuntime, init } from '../../bindings/index.ts'
import { drawTensor, numbers } from '../support/nets.ts'

const test = suite('init')
const rt = await createRuntime({ dtype: 'float64', seed: 4 })
const [ROWS, COLUMNS] = [120, 80]
const N = ROWS * COLUMNS

const make = (fill: (tensor: Tensor) => void, rows = ROWS, columns = COLUMNS) => {
  const tensor = rt.tensor(new Float64Array(rows * columns), [rows, columns])
  fill(tensor)
  return numbers(tensor)
}
const variance = (data: number[]) => data.reduce((sum, x) => sum + x * x, 0) / data.length

/** Fills with their published variance, and the greatest element of the uniform ones. */
const FILLS: Record<string, [(tensor: Tensor) => void, number, boolean]> = {
  xavierUniform: [(t) => init.xavierUniform(t, { gain: 2 }), (4 * 2) / (ROWS + COLUMNS), true],
  xavierNormal: [init.xavierNormal, 2 / (ROWS + COLUMNS), false],
  kaimingUniform: [init.kaimingUniform, 2 / COLUMNS, true],
  kaimingNormal: [(t) => init.kaimingNormal(t, { mode: 'fanOut', a: 1 }), 1 / ROWS, false],
}
for (const [name, [fill, expected, isUniform]] of Object.entries(FILLS)) {
  test(`${name} has its variance, mean 0 and the right tails`, () => {
    const data = make(fill)
    // relative standard errors of a variance: √(2/n) normal, √(4/5n) uniform; of a mean: 1/√n. Within 5 of those
    assert.ok(Math.abs(variance(data) / expected - 1) < 5 * Math.sqrt(2 / N))
    assert.ok(Math.abs(data.reduce((a, b) => a + b) / N) < 5 * Math.sqrt(expected / N))
    const greatest = Math.max(...data.map(Math.abs)) / Math.sqrt(expected)
    assert.ok(isUniform ? greatest <= Math.sqrt(3) && greatest > 1.72 : greatest > 3 && greatest < 6, `${greatest}`)
    // a uniform's fourth moment is 9/5 of its variance squared, a normal's 3
    const kurtosis = data.reduce((sum, x) => sum + x ** 4, 0) / N / expected ** 2
    assert.ok(Math.abs(kurtosis - (isUniform ? 1.8 : 3)) < (isUniform ? 0.1 : 0.5), `${kurtosis}`)
  })
}

for (const [rows, columns] of [
  [7, 7],
  [5, 9],
  [9, 5],
  [128, 128],
] as const) {
  test(`orthogonal [${rows}, ${columns}] has orthonormal ${rows <= columns ? 'rows' : 'columns'}, times gain`, () => {
    const data = make((t) => init.orthogonal(t, { gain: 1.5 }), rows, columns)
    const [count, length] = rows <= columns ? [rows, columns] : [columns, rows]
    const at = (i: number, k: number) => (rows <= columns ? data[i * columns + k]! : data[k * columns + i]!)
    for (let i = 0; i < count; i++) {
      for (let j = 0; j <= i; j++) {
        let sum = 0
        for (let k = 0; k < length; k++) sum += at(i, k) * at(j, k)
        assert.ok(Math.abs(sum - (i === j ? 2.25 : 0)) < length * 2.25 * 2 ** -52 * 4, `${i}, ${j}: ${sum}`)
      }
    }
  })
}

test('orthogonal is Haar: the trace of a random rotation has mean 0 and variance 1, its determinant either sign', () => {
  const traces: number[] = []
  let positive = 0
  for (let i = 0; i < 300; i++) {
    const q = make((t) => init.orthogonal(t), 3, 3)
    traces.push(q[0]! + q[4]! + q[8]!)
    const [a, b, c, d, e, f, g, h, k] = q as [number, number, number, number, number, number, number, number, number]
    if (a * (e * k - f * h) - b * (d * k - f * g) + c * (d * h - e * g) > 0) positive++
  }
  const mean = traces.reduce((a, b) => a + b) / 300
  // within 5 standard errors: 1/√300 for the mean, √(2/300) for the variance, √300/2 for the count
  assert.ok(
    Math.abs(mean) < 0.29 && Math.abs(variance(traces) - 1) < 0.41 && Math.abs(positive - 150) < 44,
    `${mean} ${variance(traces)} ${positive}`,
  )
})

test('draws are other ones each time, the same for the same seed', async () => {
  const draw = async () => {
    const runtime = await createRuntime({ dtype: 'float64', seed: 4 })
    const tensors = [0, 1].map(() => runtime.tensor(new Float64Array(4), [2, 2]))
    for (const tensor of tensors) init.xavierNormal(tensor)
    return tensors.map(numbers)
  }
  const [first, again] = [await draw(), await draw()]
  assert.equal(again, first)
  assert.not.equal(first[0], first[1])
})

test('identity makes an IRNN that hands its state on', () => {
  const net = new RNN(rt, { inputSize: 1, hiddenSize: 3, nonlinearity: 'relu' })
  for (const { name, value } of net.parameters()) {
    if (name === 'weight_hh_l0') init.identity(value)
    else value.data.fill(0)
  }
  const h = rt.tensor([1, 2, 3], [1, 1, 3])
  assert.equal(numbers(net.forward(drawTensor(rt, 1, 'x', [5, 1, 1]), { state: { h } }).output).slice(-3), [1, 2, 3])
})

test('forgetBias and chrono set the gates they name, in every layer, and forward sees it', () => {
  const net = new LSTM(rt, { inputSize: 2, hiddenSize: 5, numLayers: 2 })
  const x = drawTensor(rt, 1, 'x', [3, 1, 2])
  const before = numbers(net.forward(x).output)
  const bias = (name: string) => numbers(net.parameters().find((parameter) => parameter.name === name)!.value)
  init.forgetBias(net, 1.5)
  for (const layer of [0, 1]) {
    assert.equal(bias(`bias_ih_l${layer}`).slice(5, 10), [1.5, 1.5, 1.5, 1.5, 1.5])
    assert.equal(bias(`bias_hh_l${layer}`).slice(5, 10), [0, 0, 0, 0, 0])
  }
  assert.not.equal(numbers(net.forward(x).output), before)
  const others = bias('bias_ih_l0').slice(10)
  init.chrono(net, 100)
  const data = bias('bias_ih_l0')
  assert.ok(data.slice(5, 10).every((b) => b > 0 && b < Math.log(99)))
  assert.equal(
    data.slice(0, 5),
    data.slice(5, 10).map((b) => -b),
  )
  assert.equal(data.slice(10), others)
  assert.throws(() => init.chrono(new GRU(rt, { inputSize: 1, hiddenSize: 1 }) as never, 10), /expected an LSTM/)
})
test.run()
