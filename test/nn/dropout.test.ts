import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Dropout, LSTM, type Tensor, createRuntime } from '../../bindings/index.ts'
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
