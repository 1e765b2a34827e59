import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { GRU, Residual, type Tensor, createRuntime } from '../../bindings/index.ts'
import { drawTensor, numbers } from '../support/nets.ts'

const rt = await createRuntime({ dtype: 'float64', seed: 5 })

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
