/** State dicts that do not have every parameter, or have others besides. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { GRU, LastStep, Linear, Sequential, type StateDict, createRuntime } from '../../bindings/index.ts'
import { drawParameters, drawTensor, numbers } from '../support/nets.ts'
import { refusalOf } from '../support/refusals.ts'

const rt = await createRuntime({ dtype: 'float64', seed: 2 })

function makeModel(seed: number): Sequential {
  const model = new Sequential(rt, [
    new GRU(rt, { inputSize: 2, hiddenSize: 3 }),
    new LastStep(rt),
    new Linear(rt, { inFeatures: 3, outFeatures: 1 }),
  ])
  drawParameters(model, seed)
  return model
}

const test = suite('loadStateDict')

test('takes what is there where it is not strict, and tells the rest', () => {
  const [model, other] = [makeModel(1), makeModel(2)]
  const before = model.stateDict()
  const { '0.weight_ih_l0': weight, '2.bias': bias } = other.stateDict()
  const extra = { shape: [1], data: [9] }
  const dict = { '0.weight_ih_l0': weight!, '2.bias': bias!, 'head.weight': extra }
  const { missing, unexpected } = model.loadStateDict(dict, { strict: false })
  assert.equal(missing, ['0.weight_hh_l0', '0.bias_ih_l0', '0.bias_hh_l0', '2.weight'])
  assert.equal(unexpected, ['head.weight'])
  assert.equal(model.stateDict(), { ...before, '0.weight_ih_l0': weight, '2.bias': bias })
})

test('what was taken is computed with', () => {
  const [model, other] = [makeModel(1), makeModel(2)]
  const x = drawTensor(rt, 1, 'x', [4, 2, 2])
  model.forward(x)
  model.loadStateDict(other.stateDict(), { strict: false })
  assert.equal(numbers(model.forward(x).output), numbers(other.forward(x).output))
})

test('gives two empty lists where all fits', () => {
  const model = makeModel(1)
  assert.equal(model.loadStateDict(makeModel(2).stateDict()), { missing: [], unexpected: [] })
})

const whole = makeModel(2).stateDict()
const REFUSED: [string, StateDict, object | undefined, string, RegExp][] = [
  ['names that do not match, where it is strict', { '2.bias': whole['2.bias']! }, undefined, 'state-dict', /names do not match; missing: 0\.weight_ih_l0, .*2\.weight$/],
  ['the same, said', { ...whole, head: whole['2.bias']! }, { strict: true }, 'state-dict', /unknown: head$/],
  ['a wrong shape all the same', { '2.bias': { shape: [2], data: [1, 2] } }, { strict: false }, 'state-dict', /'2\.bias' is \[2\]; expected \[1\]$/],
  ['too few numbers all the same', { '0.bias_ih_l0': whole['0.bias_ih_l0']!, '2.bias': { shape: [1], data: [] } }, { strict: false }, 'state-dict', /'2\.bias' holds 0 elements; expected 1 numbers$/],
  ['what is no dict', null as never, { strict: false }, 'type', /the state dict is null; expected an object$/],
  ['an unknown option', whole, { strickt: false }, 'option', /unknown option 'strickt'/],
  ['a strictness that is none', whole, { strict: 'no' }, 'option', /strict is 'no'; expected true or false$/],
] // prettier-ignore
for (const [title, dict, options, code, message] of REFUSED) {
  test(`refuses ${title}, and changes nothing`, () => {
    const model = makeModel(1)
    const before = model.stateDict()
    const error = refusalOf(() => model.loadStateDict(dict, options))
    assert.is(error.code, code)
    assert.match(error.message, message)
    assert.equal(model.stateDict(), before)
  })
}

test.run()
