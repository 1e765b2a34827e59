import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Activation, GRU, LSTM, type Tensor, createRuntime } from '../../bindings/index.ts'
import { dot, drawTensor, numbers } from '../support/nets.ts'

const rt = await createRuntime({ dtype: 'float64', seed: 5 })

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
