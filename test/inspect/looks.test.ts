/** Looking changes nothing, and sees what the next call would do. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LSTM, type Tensor, createRuntime } from '../../bindings/index.ts'
import {
  gradientByHops,
  gradientByLag,
  gradientFlow,
  instanceGradients,
  lyapunovSpectrum,
  smallestWindow,
  truncationBias,
} from '../../bindings/inspect.ts'
import {
  B,
  I,
  type Shape,
  T,
  addUp,
  expectNear,
  gradientsOf,
  net,
  partsOf,
  prepare,
  sumOf,
} from '../support/inspect.ts'
import { drawParameters, drawTensor, norm, numbers } from '../support/nets.ts'
import { chainTerms, drawGiven, makeNet } from '../support/unrolling.ts'

type Tensors = Record<string, Tensor>
const runtime = await createRuntime({ dtype: 'float64', seed: 1 })

const property = suite('looking at gradients')
const BOTH = net('LSTM', { numLayers: 2 })

property('two directions: instances and parts sum to the gradient; lags go on in the layer above', () => {
  for (const more of [{ lengths: [6, 2, 4] }, { batchFirst: true }]) {
    const { module, given, look } = prepare(runtime, BOTH, more, { bidirectional: true })
    const { batchFirst: _b, ...lengths } = more as Shape
    const whole = gradientsOf(module, given, lengths)
    const { gradients } = instanceGradients(module, given.x, { ...look, ...lengths })
    const flow = gradientFlow(module, given.x, { ...look, ...lengths })
    const terms = 4 * chainTerms(BOTH, T)
    assert.equal(Object.keys(flow.states).length, 8)
    for (const [name, values] of Object.entries(whole)) {
      const instances = partsOf(gradients[name]!)
      const scale = instances.reduce((sum, each) => sum + norm(each), 0)
      expectNear(sumOf(instances), values, terms, 2 ** -52, name, scale)
      expectNear(flow.parameters[name]!, instances.map(norm), terms, 2 ** -52, name)
      const { gradients: lags } = gradientByLag(module, given.x, { ...look, ...lengths, parameter: name })
      assert.is(lags.shape[0], 2 * (T - 1) + 1)
      expectNear(sumOf(partsOf(lags)), values, terms, 2 ** -52, `${name} by lag`, scale)
      if (name.includes('_l1'))
        assert.ok(
          partsOf(lags)
            .slice(T)
            .flat()
            .every((value) => value === 0),
          'the top layer has T lags',
        )
    }
  }
})

property('what past the end of a sample is given, and padded input, change nothing', () => {
  const { module, given, look } = prepare(runtime, net('LSTM', { numLayers: 2 }), {})
  const lengths = [6, 0, 3]
  const see = (x: Tensor, output: Tensor) => {
    const options = { ...look, output, lengths }
    return [
      gradientFlow(module, x, options),
      numbers(gradientByLag(module, x, { ...options, parameter: 'weight_hh_l0' }).gradients),
    ]
  }
  const expected = see(given.x, given.dOutput)
  const spoilt = [given.x, given.dOutput].map((tensor) => {
    const copy = tensor.clone()
    const n = tensor.shape[2]!
    for (const [b, length] of lengths.entries())
      for (let t = length; t < T; t++) copy.data.fill(Number.NaN, (t * B + b) * n, (t * B + b + 1) * n)
    return copy
  }) as [Tensor, Tensor]
  assert.equal(see(...spoilt), expected)
})

property(
  "looking leaves gradients, results of backward, draws and memory as they were; with dropout it sees the next call's",
  () => {
    const module = new LSTM(runtime, { inputSize: I, hiddenSize: 4, numLayers: 2, dropout: 0.5 })
    drawParameters(module, 5)
    const given = drawGiven(module, T, B, I)
    const look = { output: given.dOutput, state: given.state }
    const looks = () => {
      gradientFlow(module, given.x, look)
      for (const tensor of Object.values(instanceGradients(module, given.x, look).gradients)) tensor.dispose()
      for (const find of [gradientByLag, gradientByHops])
        find(module, given.x, { ...look, parameter: 'weight_hh_l1' }).gradients.dispose()
      for (const tensor of Object.values(truncationBias(module, given.x, { ...look, window: 2 }).gradients))
        tensor.dispose()
      smallestWindow(module, given.x, { ...look, bias: 0.1 })
    }
    const { gradients } = instanceGradients(module, given.x, look)
    const before = module.callCount
    module.forward(given.x, { state: given.state, tape: true })
    assert.is(module.callCount, before + 1)
    module.zeroGrad()
    const dInput = module.backward({ output: given.dOutput }).input as Tensor
    const [kept, grads] = [numbers(dInput), module.parameters().map(({ grad }) => numbers(grad))]
    for (const [i, { name }] of module.parameters().entries()) {
      const instances = partsOf(gradients[name]!)
      expectNear(sumOf(instances), grads[i]!, 4 * chainTerms(BOTH, T), 2 ** -52, name, norm(instances.flat()) * T)
    }
    looks()
    assert.equal(numbers(dInput), kept)
    assert.equal(
      module.parameters().map(({ grad }) => numbers(grad)),
      grads,
    )
    assert.is(module.callCount, before + 1)
    assert.throws(() => module.backward({ output: given.dOutput }), /there is no tape/)
    const flow = gradientFlow(module, given.x, look)
    module.eval()
    assert.not.equal(gradientFlow(module, given.x, look), flow, 'without dropout')
    module.train()
    assert.equal(gradientFlow(module, given.x, look), flow)
    // packed weights stay with the module; a second look takes nothing more
    const used = runtime.memoryUsed
    looks()
    assert.is(runtime.memoryUsed, used)
  },
)

property('a result of the module may be handed in as the gradient, as the state and as the input', () => {
  const module = makeNet(runtime, net('RNN', { inputSize: 4 }))
  const { output, state } = module.forward(drawTensor(runtime, 7, 'x', [T, B, 4]))
  const copies = { output: output.clone(), state: { h: (state as Tensors)['h']!.clone() } }
  const other = drawTensor(runtime, 8, 'x', [T, B, 4])
  const found = gradientFlow(module, other, { output, state: state! })
  assert.equal(found, gradientFlow(module, other, copies))
  const { output: x } = module.forward(other)
  const copy = x.clone()
  const spectrum = lyapunovSpectrum(module, x)
  assert.equal(spectrum, lyapunovSpectrum(module, copy))
})

property('smallestWindow is the smallest whose bias is borne', () => {
  for (const stride of [1, 2, 4]) {
    const { module, given, look } = prepare(runtime, net('GRU', { numLayers: 2, skips: [3] }), {})
    const total = (norms: Record<string, number>) => norm(Object.values(norms))
    for (const bias of [0.5, 0.1, 0.02, 0]) {
      const found = smallestWindow(module, given.x, { ...look, bias, stride })
      for (let window = stride; window <= found.window; window++) {
        const { norms, wholeNorms } = truncationBias(module, given.x, { ...look, window, stride })
        const share = total(norms) / total(wholeNorms)
        assert.is(share <= bias || window === found.window, window === found.window, `${window}: ${share}`)
        // with a window over all steps only the order of sums differs
        if (window === found.window) assert.ok(Math.abs(share - found.bias) <= 1e-12 && share <= bias + 1e-12)
      }
      assert.ok(found.window <= stride * Math.ceil(T / stride))
    }
  }
})

property('a frozen parameter is seen all the same, and adding up parts of parts gives the whole', () => {
  const { module, given, look } = prepare(runtime, net('LSTM'), {})
  const { gradients } = instanceGradients(module, given.x, look)
  module.freeze(['weight_hh_l0'])
  const frozen = instanceGradients(module, given.x, look).gradients
  for (const [name, tensor] of Object.entries(gradients)) assert.equal(numbers(frozen[name]!), numbers(tensor))
  const sum = partsOf(gradients['bias_hh_l0']!)
    .map((values) => ({ bias: values }))
    .reduce((a, b) => addUp(a, b) as { bias: number[] })
  expectNear(sum.bias, gradientsOf(module, given)['bias_hh_l0']!, 100, 2 ** -52, 'bias')
})
property.run()
