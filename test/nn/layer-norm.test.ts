import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LayerNorm, createRuntime } from '../../bindings/index.ts'
import { drawTensor, numbers } from '../support/nets.ts'

const rt = await createRuntime({ dtype: 'float64', seed: 5 })
const [B, F] = [40, 7]

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
