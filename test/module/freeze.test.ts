import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { AdamW, LSTM, Linear, Sequential, createRuntime } from '../../bindings/index.ts'
import { drawTensor, numbers } from '../support/nets.ts'

const rt = await createRuntime({ dtype: 'float64', seed: 5 })

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
