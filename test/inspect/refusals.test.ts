/** What the instruments refuse, before they do anything. */
import { suite } from 'uvu'
import { Linear, type Module, RNN, Sequential, type Tensor, createRuntime } from '../../bindings/index.ts'
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
import { B, I, T, expectRefusal, net, prepare } from '../support/inspect.ts'
import { drawTensor } from '../support/nets.ts'

const runtime = await createRuntime({ dtype: 'float64', seed: 1 })

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
