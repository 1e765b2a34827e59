import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  Activation,
  Adam,
  AdamW,
  Dropout,
  Embedding,
  GRU,
  LSTM,
  LastStep,
  LayerNorm,
  Linear,
  PositionalEmbedding,
  Residual,
  Sequential,
  type Tensor,
  createRuntime,
  crossEntropyLoss,
  fit,
} from '../../bindings/index.ts'
import { dot, drawTensor, norm, numbers } from '../support/nets.ts'

const rt = await createRuntime({ dtype: 'float64', seed: 5 })
const [T, B, F] = [9, 40, 7]

const dropout = suite('dropout')

dropout('keeps 1 - p of the elements, scaled, and sends gradients the same way', () => {
  const layer = new Dropout(rt, { p: 0.3 })
  const x = drawTensor(rt, 1, 'x', [T, B, F])
  const y = numbers(layer.forward(x).output)
  const mask = y.map((value, i) => value / x.data[i]!)
  assert.ok(mask.every((m) => m === 0 || Math.abs(m - 1 / 0.7) < 1e-12))
  const kept = mask.filter((m) => m !== 0).length / mask.length
  // the standard error of a share of T·B·F = 2,520 draws is 0.0091: within 5 of those
  assert.ok(Math.abs(kept - 0.7) < 0.046, `${kept}`)
  const d = drawTensor(rt, 2, 'd', [T, B, F])
  const back = numbers(layer.backward({ output: d }).input as Tensor)
  assert.ok(back.every((g, i) => Math.abs(g - d.data[i]! * mask[i]!) < 1e-12))
})

dropout('draws anew for every call, module, step and row; nothing in evaluation', () => {
  const ones = rt.tensor(new Float64Array(4 * 4 * 64).fill(1), [4, 4, 64])
  const [a, b] = [new Dropout(rt), new Dropout(rt)]
  const calls = [a, a, b].map((layer) => numbers(layer.forward(ones).output))
  const rows = calls.flatMap((y) => Array.from({ length: 16 }, (_, row) => String(y.slice(row * 64, (row + 1) * 64))))
  assert.is(new Set(rows).size, rows.length)
  assert.equal(numbers(a.eval().forward(ones).output), numbers(ones))
})

dropout('depends on seed, module and call alone: another batch beside a row changes nothing', async () => {
  const row = async (batch: number) => {
    const runtime = await createRuntime({ seed: 8 })
    const x = runtime.tensor(new Float32Array(3 * batch * 20).fill(1), [3, batch, 20])
    const y = numbers(new Dropout(runtime).forward(x).output)
    return [0, 1, 2].flatMap((t) => y.slice(t * batch * 20, t * batch * 20 + 20))
  }
  assert.equal(await row(1), await row(6))
})

dropout('between the layers of an LSTM has the gradient of central differences', async () => {
  const sizes = { inputSize: 2, hiddenSize: 3, numLayers: 2, dropout: 0.4 }
  // a new runtime draws the same masks for the same module and call
  const make = async () => new LSTM(await createRuntime({ dtype: 'float64', seed: 6 }), sizes)
  const net = await make()
  const start = net.stateDict()
  const run = (lstm: LSTM) => lstm.forward(drawTensor(lstm.runtime, 1, 'x', [5, 2, 2])).output
  const weight = drawTensor(net.runtime, 2, 'd', [5, 2, 3])
  run(net)
  net.backward({ output: weight })
  const gradients = Object.fromEntries(net.parameters().map(({ name, grad }) => [name, numbers(grad)]))
  const loss = async (name: string, direction: number[], h: number) => {
    const moved = await make()
    const data = Array.from(start[name]!.data, (x, i) => x + h * direction[i]!)
    moved.loadStateDict({ ...start, [name]: { shape: start[name]!.shape, data } })
    return dot(run(moved).data, weight.data)
  }
  for (const [name, gradient] of Object.entries(gradients)) {
    const direction = numbers(drawTensor(rt, 3, name, [gradient.length]))
    const numeric = ((await loss(name, direction, 1e-5)) - (await loss(name, direction, -1e-5))) / 2e-5
    const gap = Math.abs(numeric - dot(direction, gradient))
    assert.ok(gap <= 1e-7 * norm(direction) * norm(gradient), `${name}: ${gap} of ${norm(gradient)}`)
  }
})
dropout.run()

const normal = suite('LayerNorm')
normal('gives rows of mean 0 and variance 1 before its factor and offset', () => {
  const layer = new LayerNorm(rt, { normalizedShape: F, eps: 1e-5 })
  const x = drawTensor(rt, 1, 'x', [B, F], 3)
  const y = numbers(layer.forward(x).output)
  for (let row = 0; row < B; row++) {
    const part = Array.from(x.data.slice(row * F, (row + 1) * F))
    const mean = part.reduce((a, b) => a + b) / F
    const variance = part.reduce((sum, v) => sum + (v - mean) ** 2, 0) / F
    for (const [j, v] of part.entries()) {
      // a few roundings of numbers below 3, divided by a deviation above 0.3
      assert.ok(Math.abs(y[row * F + j]! - (v - mean) / Math.sqrt(variance + 1e-5)) < 1e-14 * F * 10)
    }
  }
})
normal('has its parameters', () => {
  const layer = new LayerNorm(rt, { normalizedShape: [3] })
  assert.equal(layer.stateDict(), {
    weight: { shape: [3], data: new Float64Array([1, 1, 1]) },
    bias: { shape: [3], data: new Float64Array(3) },
  })
})
normal.run()

const activation = suite('Activation')
activation('hard sigmoid has both published forms', () => {
  const x = rt.tensor([-4, -2.75, -1, 0, 1, 2.75, 4], [7, 1])
  const values = (name: 'hardSigmoid' | 'hardSigmoidKeras2') => numbers(new Activation(rt, { name }).forward(x).output)
  const clamp = (v: number) => Math.min(1, Math.max(0, v))
  const close = (a: number[], b: number[]) =>
    assert.ok(
      a.every((v, i) => Math.abs(v - b[i]!) < 1e-15),
      `${a}`,
    )
  close(
    values('hardSigmoid'),
    Array.from(x.data, (v) => clamp(v / 6 + 0.5)),
  )
  close(
    values('hardSigmoidKeras2'),
    Array.from(x.data, (v) => clamp(0.2 * v + 0.5)),
  )
})
activation('an LSTM takes others for its gates, candidate and cell', () => {
  const options = { inputSize: 2, hiddenSize: 3 }
  const other = new LSTM(rt, { ...options, activation: 'softplus', recurrentActivation: 'hardSigmoidKeras2' })
  const [x, h, c] = [
    drawTensor(rt, 1, 'x', [1, 1, 2]),
    drawTensor(rt, 2, 'h', [1, 1, 3]),
    drawTensor(rt, 3, 'c', [1, 1, 3]),
  ]
  const result = other.forward(x, { state: { h, c } })
  const [Wi, Wh, bi, bh] = other.parameters().map(({ value }) => numbers(value)) as [
    number[],
    number[],
    number[],
    number[],
  ]
  const a = bi.map(
    (b, r) => b + bh[r]! + dot(Wi.slice(2 * r, 2 * r + 2), x.data) + dot(Wh.slice(3 * r, 3 * r + 3), h.data),
  )
  const gate = (v: number) => Math.min(1, Math.max(0, 0.2 * v + 0.5))
  const bend = (v: number) => Math.log1p(Math.exp(v))
  for (let i = 0; i < 3; i++) {
    const cell = gate(a[3 + i]!) * c.data[i]! + gate(a[i]!) * bend(a[6 + i]!)
    // sums of eight terms below 2
    assert.ok(Math.abs((result.state as { c: Tensor }).c.data[i]! - cell) < 1e-14)
    assert.ok(Math.abs(result.output.data[i]! - gate(a[9 + i]!) * bend(cell)) < 1e-14)
  }
  const usual = new LSTM(rt, { ...options, activation: 'tanh', recurrentActivation: 'sigmoid' })
  const plain = new LSTM(rt, options)
  plain.loadStateDict(usual.stateDict())
  assert.equal(numbers(plain.forward(x).output), numbers(usual.forward(x).output))
})
for (const resetAfter of [true, false]) {
  activation(
    `a GRU takes others for its gates and candidate, its reset gate ${resetAfter ? 'after' : 'before'}`,
    () => {
      const options = { inputSize: 2, hiddenSize: 3, resetAfter }
      const other = new GRU(rt, { ...options, activation: 'softplus', recurrentActivation: 'hardSigmoidKeras2' })
      const [x, h] = [drawTensor(rt, 1, 'x', [1, 1, 2]), drawTensor(rt, 2, 'h', [1, 1, 3])]
      const output = numbers(other.forward(x, { state: { h } }).output)
      const [Wi, Wh, bi, bh] = other.parameters().map(({ value }) => numbers(value)) as [
        number[],
        number[],
        number[],
        number[],
      ]
      const byInput = (row: number) => bi[row]! + dot(Wi.slice(2 * row, 2 * row + 2), x.data)
      const byHidden = (row: number, hidden: ArrayLike<number>) =>
        bh[row]! + dot(Wh.slice(3 * row, 3 * row + 3), hidden)
      const gate = (row: number) => Math.min(1, Math.max(0, 0.2 * (byInput(row) + byHidden(row, h.data)) + 0.5))
      const bend = (v: number) => Math.log1p(Math.exp(v))
      const reset = [0, 1, 2].map((i) => gate(i))
      for (let i = 0; i < 3; i++) {
        const recurrent = resetAfter
          ? reset[i]! * byHidden(6 + i, h.data)
          : byHidden(
              6 + i,
              reset.map((r, k) => r * h.data[k]!),
            )
        const z = gate(3 + i)
        const expected = (1 - z) * bend(byInput(6 + i) + recurrent) + z * h.data[i]!
        // sums of eight terms below 2
        assert.ok(Math.abs(output[i]! - expected) < 1e-14, `${output[i]} for ${expected}`)
      }
      const usual = new GRU(rt, { ...options, activation: 'tanh', recurrentActivation: 'sigmoid' })
      const plain = new GRU(rt, options)
      plain.loadStateDict(usual.stateDict())
      assert.equal(numbers(plain.forward(x).output), numbers(usual.forward(x).output))
    },
  )
}
activation.run()

const embedding = suite('Embedding')
embedding('gives rows by id, and adds gradients into the rows that were used', () => {
  const layer = new Embedding(rt, { numEmbeddings: 5, embeddingDim: 3, paddingIdx: 2 })
  const [{ value, grad }] = layer.parameters() as never as [{ value: Tensor; grad: Tensor }]
  const ids = [
    [1, 4],
    [2, 1],
    [1, 0],
  ]
  const output = layer.forward(rt.indices(ids)).output
  assert.equal(output.shape, [3, 2, 3])
  const row = (id: number) => numbers(value).slice(id * 3, id * 3 + 3)
  assert.equal(numbers(output), ids.flat().flatMap(row))
  assert.equal(row(2), [0, 0, 0])
  const d = drawTensor(rt, 1, 'd', [3, 2, 3])
  layer.zeroGrad()
  layer.backward({ output: d })
  const expected = new Float64Array(15)
  for (const [i, id] of ids.flat().entries()) {
    if (id !== 2) for (let j = 0; j < 3; j++) expected[id * 3 + j]! += d.data[i * 3 + j]!
  }
  assert.equal(numbers(grad), [...expected])
})
embedding('refuses ids outside its table, and numbers that are no ids', () => {
  const layer = new Embedding(rt, { numEmbeddings: 5, embeddingDim: 3 })
  assert.throws(
    () => layer.forward(rt.indices([[0, 5]])),
    /Embedding\.forward: id 5 at position 1 is out of range; expected 0 to 4/,
  )
  assert.throws(() => layer.forward(rt.tensor([[0, 1]])), /expected a tensor from rt\.indices/)
})
embedding('learns in fit: which of two ids came first', async () => {
  const model = new Sequential(rt, [
    new Embedding(rt, { numEmbeddings: 4, embeddingDim: 3 }),
    new GRU(rt, { inputSize: 3, hiddenSize: 6 }),
    new LastStep(rt),
    new Linear(rt, { inFeatures: 6, outFeatures: 2 }),
  ])
  const firsts = Array.from({ length: 32 }, (_, i) => i % 2)
  const input = rt.indices([firsts, firsts.map((_, i) => 2 + ((i >> 1) % 2)), firsts.map(() => 3)])
  const optimizer = new Adam(model, { lr: 0.05 })
  const { loss } = await fit(
    model,
    { input, target: rt.indices(firsts) },
    { loss: crossEntropyLoss, optimizer, epochs: 30, batchSize: 8 },
  )
  assert.ok(loss.at(-1)! < 0.05, `${loss.at(-1)}`)
})
embedding.run()

const positional = suite('PositionalEmbedding')
positional('adds the row of each step, going on where a state says', () => {
  const layer = new PositionalEmbedding(rt, { maxLength: 6, embeddingDim: 2 })
  const table = numbers(layer.parameters()[0]!.value)
  const x = drawTensor(rt, 1, 'x', [4, 2, 2])
  const whole = numbers(layer.forward(x).output)
  assert.equal(
    whole,
    Array.from(x.data, (v, i) => v + table[Math.floor(i / 4) * 2 + (i % 2)]!),
  )
  layer.zeroGrad()
  layer.backward({ output: x })
  const grads = Array.from({ length: 12 }, (_, i) =>
    i < 8 ? x.data[Math.floor(i / 2) * 4 + (i % 2)]! + x.data[Math.floor(i / 2) * 4 + 2 + (i % 2)]! : 0,
  )
  assert.equal(numbers(layer.parameters()[0]!.grad), grads)
  const state = layer.initialState()
  const steps = [0, 1, 2, 3].flatMap((t) =>
    numbers(layer.step(rt.tensor(x.data.slice(t * 4, t * 4 + 4), [2, 2]), state).output),
  )
  assert.equal(steps, whole)
  assert.throws(() => layer.forward(x, { state }), /steps 5 to 8 are asked for; maxLength is 6/)
})
positional.run()

const residual = suite('Residual')
residual('around a module that gives zeros is the identity, and adds the gradient that passes by', () => {
  const inner = new GRU(rt, { inputSize: 3, hiddenSize: 3 })
  const layer = new Residual(rt, inner)
  const [x, d] = [drawTensor(rt, 1, 'x', [4, 2, 3]), drawTensor(rt, 2, 'd', [4, 2, 3])]
  const plain = numbers(inner.forward(x).output)
  assert.equal(
    numbers(layer.forward(x).output),
    plain.map((v, i) => x.data[i]! + v),
  )
  inner.forward(x)
  const own = numbers(inner.backward({ output: d }).input as Tensor)
  layer.forward(x)
  assert.equal(
    numbers(layer.backward({ output: d }).input as Tensor),
    own.map((v, i) => v + d.data[i]!),
  )
  for (const { value } of layer.parameters()) value.data.fill(0)
  assert.equal(numbers(layer.forward(x).output), numbers(x))
})
residual.run()

const freezing = suite('freeze')
freezing('leaves a parameter without gradient and update; the others get what they got', () => {
  const net = new Sequential(rt, [
    new LSTM(rt, { inputSize: 3, hiddenSize: 4 }),
    new Linear(rt, { inFeatures: 4, outFeatures: 2 }),
  ])
  const [x, d] = [drawTensor(rt, 1, 'x', [4, 2, 3]), drawTensor(rt, 2, 'd', [4, 2, 2])]
  const gradients = () => {
    net.zeroGrad()
    net.forward(x)
    net.backward({ output: d })
    return Object.fromEntries(net.parameters().map(({ name, grad }) => [name, numbers(grad)]))
  }
  const before = gradients()
  net.freeze(['0.weight_hh_l0', '1.bias'])
  const after = gradients()
  for (const [name, grad] of Object.entries(after)) {
    assert.equal(grad, name === '0.weight_hh_l0' || name === '1.bias' ? grad.map(() => 0) : before[name], name)
  }
  const weights = net.stateDict()
  const optimizer = new AdamW(net, { lr: 0.1 })
  optimizer.step()
  const moved = Object.entries(net.stateDict()).filter(
    ([name, { data }]) => String(data) !== String(weights[name]!.data),
  )
  assert.equal(
    moved.map(([name]) => name),
    ['0.weight_ih_l0', '0.bias_ih_l0', '0.bias_hh_l0', '1.weight'],
  )
  assert.equal(net.unfreeze() && gradients()['1.bias']!.every((g) => g !== 0), true)
  assert.throws(() => net.freeze(['nothing']), /there is no parameter 'nothing'/)
})
freezing.run()
