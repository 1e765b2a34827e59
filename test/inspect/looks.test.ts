/** Looking changes nothing, sees what the next call would do, and refuses what does not fit before it does anything. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LSTM, Linear, type Module, RNN, Sequential, type Tensor, createRuntime } from '../../bindings/index.ts'
import {
  gradientByHops,
  gradientByLag,
  gradientFlow,
  instanceGradients,
  jacobianProduct,
  lyapunovSpectrum,
  saturation,
  smallestWindow,
  stepJacobian,
  truncationBias,
  unrolledGraph,
} from '../../bindings/inspect.ts'
import {
  B,
  I,
  type Shape,
  T,
  addUp,
  expectNear,
  expectRefusal,
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

const refusal = suite('looking is refused')
const CHAIN = prepare(runtime, net('LSTM'), {})
const TWO = prepare(runtime, net('LSTM'), {}, { bidirectional: true })
const { output } = CHAIN.look
const wrong = drawTensor(runtime, 1, 'wrong', [T, B, 5])
const badState = { h: drawTensor(runtime, 1, 'h', [1, B, 5]), c: drawTensor(runtime, 1, 'c', [1, B, 4]) }
const badInput = drawTensor(runtime, 1, 'x', [T, B, I + 1])

type Look = (module: Module, x: Tensor, options: never) => unknown
const NEED: [string, Look, object][] = [
  ['gradientFlow', gradientFlow, {}],
  ['instanceGradients', instanceGradients, {}],
  ['gradientByLag', gradientByLag, { parameter: 'weight_hh_l0' }],
  ['gradientByHops', gradientByHops, { parameter: 'weight_hh_l0' }],
  ['truncationBias', truncationBias, { window: 2 }],
  ['smallestWindow', smallestWindow, { bias: 0.1 }],
]
const OTHERS: [string, Look, object][] = [
  ['stepJacobian', stepJacobian, { step: 1 }],
  ['jacobianProduct', jacobianProduct, { from: 0, to: 1 }],
  ['lyapunovSpectrum', lyapunovSpectrum, {}],
  ['saturation', saturation, {}],
]
const refused = (
  title: string,
  look: Look,
  module: Module,
  x: Tensor,
  options: object,
  code: string,
  message: RegExp,
) =>
  refusal(`${title}: ${message.source}`, () => {
    const { module: own, given } = module === TWO.module ? TWO : CHAIN
    expectRefusal(own, given.x, () => look(module, x, options as never), code, message)
  })

const sequence = new Sequential(runtime, [new RNN(runtime, { inputSize: I, hiddenSize: 4 })])
for (const [name, look, own] of [...NEED, ...OTHERS]) {
  const options = { ...(NEED.some(([other]) => other === name) && { output }), ...own }
  const { module, given } = CHAIN
  const at = (message: string) => new RegExp(`^${name}: ${message}`)
  refused(
    name,
    look,
    module,
    given.x,
    { ...options, windw: 3 },
    'option',
    at("unknown option 'windw'; known are .*state"),
  )
  refused(name, look, sequence, given.x, options, 'type', at('module is a Sequential; expected .* one of its modules'))
  refused(
    name,
    look,
    new Linear(runtime, { inFeatures: I, outFeatures: 4 }),
    given.x,
    options,
    'type',
    at('module is a Linear'),
  )
  refused(name, look, undefined as never, given.x, options, 'type', at('module is undefined; expected an RNN'))
  refused(name, look, module, badInput, options, 'shape', at('input is \\[6, 3, 4\\]; expected \\[T, B, 3\\]'))
  refused(name, look, module, null as never, options, 'type', at('input is null; expected a tensor'))
  refused(
    name,
    look,
    module,
    given.x,
    { ...options, state: badState },
    'shape',
    at('state.h is \\[1, 3, 5\\]; expected \\[1, 3, 4\\]'),
  )
}
for (const [name, look, own] of NEED) {
  const { module, given } = CHAIN
  const at = (message: string) => new RegExp(`^${name}: ${message}`)
  refused(name, look, module, given.x, own, 'type', at("output is missing; expected the loss's gradient"))
  refused(
    name,
    look,
    module,
    given.x,
    { ...own, output: wrong },
    'shape',
    at('output is \\[6, 3, 5\\]; expected \\[6, 3, 4\\]'),
  )
  refused(name, look, module, given.x, { ...own, output, lengths: [7, 1, 1] }, 'range', at('lengths\\[0\\] is 7'))
  refused(
    `${name}, no options`,
    look,
    module,
    given.x,
    undefined as never,
    'type',
    at('options is undefined; expected an object'),
  )
}
for (const [name, look, options, code, message] of [
  [
    'instanceGradients',
    instanceGradients,
    { output, parameter: 'W' },
    'option',
    /there is no parameter 'W'; there are weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0/,
  ],
  ['gradientByLag', gradientByLag, { output, parameter: 'W' }, 'option', /no parameter 'W'; there are weight_ih_l0/],
  ['gradientByHops', gradientByHops, { output }, 'option', /parameter is missing/],
  [
    'gradientByLag',
    gradientByLag,
    { output, parameter: 'bias_ih_l0', maxLag: -1 },
    'option',
    /maxLag is -1; expected a whole number >= 0/,
  ],
  ['gradientByHops', gradientByHops, { output, parameter: 'bias_ih_l0', maxHops: 1.5 }, 'option', /maxHops is 1\.5/],
  [
    'gradientByHops',
    gradientByHops,
    { output, parameter: 'bias_ih_l0', maxLag: 1 },
    'option',
    /unknown option 'maxLag'/,
  ],
  ['truncationBias', truncationBias, { output }, 'option', /truncation\.window is undefined/],
  ['truncationBias', truncationBias, { output, window: 2, stride: 3 }, 'option', /expected stride <= window/],
  ['smallestWindow', smallestWindow, { output, bias: -1 }, 'option', /bias is -1/],
  ['smallestWindow', smallestWindow, { output, bias: 1, stride: 0 }, 'option', /stride is 0/],
  ['stepJacobian', stepJacobian, { step: 0 }, 'option', /step is 0; expected a whole number >= 1/],
  ['stepJacobian', stepJacobian, { step: T + 1 }, 'range', /step 7 is asked for; the input has 6/],
  ['jacobianProduct', jacobianProduct, { from: 2, to: 2 }, 'range', /to is 2; expected a whole number > from \(2\)/],
  ['jacobianProduct', jacobianProduct, { from: -1, to: 2 }, 'range', /from is -1/],
  ['jacobianProduct', jacobianProduct, { from: 0, to: T + 1 }, 'range', /the input has 6/],
  ['lyapunovSpectrum', lyapunovSpectrum, { count: 9 }, 'range', /count is 9; the state has 8 dimensions/],
  ['lyapunovSpectrum', lyapunovSpectrum, { every: 0 }, 'option', /every is 0/],
  ['saturation', saturation, { margin: 0.7 }, 'option', /margin is 0\.7; expected .* \[0, 0\.5\]/],
  ['unrolledGraph', unrolledGraph, { steps: 0 }, 'option', /steps is 0/],
  ['unrolledGraph', unrolledGraph, { step: 3 }, 'option', /unknown option 'step'; known are steps, truncation/],
  ['unrolledGraph', unrolledGraph, { truncation: { window: 0 } }, 'option', /truncation\.window is 0/],
] as [string, Look, object, string, RegExp][])
  refused(name, look, CHAIN.module, CHAIN.given.x, options, code, message)

for (const [name, look, options] of [
  ['truncationBias', truncationBias, { ...TWO.look, window: 2 }],
  ['smallestWindow', smallestWindow, { ...TWO.look, bias: 0.1 }],
  ['stepJacobian', stepJacobian, { step: 1 }],
  ['jacobianProduct', jacobianProduct, { from: 0, to: 1 }],
  ['lyapunovSpectrum', lyapunovSpectrum, {}],
  ['unrolledGraph', unrolledGraph, { truncation: { window: 2 } }],
] as [string, Look, object][])
  refused(`${name}, two directions`, look, TWO.module, TWO.given.x, options, 'unsupported', /bidirectional/)
refusal.run()
