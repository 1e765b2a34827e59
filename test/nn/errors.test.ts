/** What containers refuse. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DEQ, LSTM, RNN, Sequential, createRuntime } from '../../bindings/index.ts'
import { drawTensor } from '../support/nets.ts'
import { type Refusal, makeBystander, testRefusals } from '../support/refusals.ts'

const rt = await createRuntime({ seed: 1 })
const other = await createRuntime()
const bystander = makeBystander(rt)
const { lstm, net, x } = bystander

const CASES: Refusal[] = [
  ['Sequential: a module twice', () => new Sequential(rt, [lstm, new Sequential(rt, [lstm])]), 'type', /stands twice/],
  [
    'Sequential: a mixture of orders',
    () => new Sequential(rt, [lstm, new LSTM(rt, { inputSize: 3, hiddenSize: 2, batchFirst: true })]),
    'option',
    /some modules are batchFirst/,
  ],
  [
    'Sequential: a later state that does not fit',
    () => net.forward(x, { state: [undefined, undefined, { h: x }] }),
    'option',
    /state 2: state is given; this module has none/,
  ],
  [
    'Sequential: a gradient by a state that does not fit',
    () => (
      net.forward(x),
      net.backward({ output: drawTensor(rt, 1, 'd', [2, 2]), state: [{ h: x, c: x }, undefined, undefined] })
    ),
    'shape',
    /state\.h is \[5, 2, 4\]; expected \[1, 2, 3\]/,
  ],
  [
    'Sequential: step without a state',
    () => net.step(drawTensor(rt, 1, 's', [2, 4]), [undefined, undefined, undefined]),
    'type',
    /state 0 is missing/,
  ],
  ['Sequential of nothing', () => new Sequential(rt, []), 'type', /at least one module/],
  ['Sequential over runtimes', () => new Sequential(other, [lstm]), 'runtime', /another runtime/],
]

const test = suite('refused, with a clear error and nothing changed')
testRefusals(test, bystander, CASES)

test('a gradient by a state, without a tape: the tape is what is missing, not the batch', () => {
  for (const module of [new RNN(rt, { inputSize: 3, hiddenSize: 3 }), new DEQ(rt, { inputSize: 3, hiddenSize: 3 })]) {
    const net = new Sequential(rt, [module])
    assert.throws(() => net.backward({ state: [module.initialState(2)] }), /there is no tape/)
  }
})
test.run()
