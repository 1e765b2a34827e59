/** What a user's own loss may give, and what it may not: it is checked before anything of it is read. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type FitOptions,
  GRU,
  Linear,
  type Loss,
  type LossFunction,
  SGD,
  Sequential,
  createRuntime,
  crossEntropyLoss,
  evaluate,
  fit,
  mseLoss,
} from '../../bindings/index.ts'
import { drawParameters, drawTensor } from '../support/nets.ts'
import { rejectionOf } from '../support/refusals.ts'

const rt = await createRuntime({ dtype: 'float64', seed: 5 })
const foreign = await createRuntime({ dtype: 'float64' })
const [T, N] = [12, 5]

function makeModel(): Sequential {
  const model = new Sequential(rt, [
    new GRU(rt, { inputSize: 1, hiddenSize: 2 }),
    new Linear(rt, { inFeatures: 2, outFeatures: 1 }),
  ])
  drawParameters(model, 2)
  return model
}
const makeData = () => ({ input: drawTensor(rt, 1, 'x', [T, N, 1]), target: drawTensor(rt, 2, 'y', [T, N, 1]) })

const WAYS: Record<string, Partial<FitOptions>> = {
  'whole batches': {},
  accumulated: { accumulate: 2 },
  'windows longer than their stride': { truncation: { window: 8, stride: 4 } },
}

const WRONG: Record<string, [(loss: Loss) => unknown, string, RegExp]> = {
  'a gradient of more steps': [(l) => ({ ...l, grad: rt.tensor(new Float64Array(400), [200, 2, 1]) }), 'shape', /the gradient that loss gave is \[200, 2, 1\]/],
  'a gradient of fewer samples': [(l) => ({ ...l, grad: rt.tensor(new Float64Array(4), [4, 1, 1]) }), 'shape', /the gradient that loss gave is/],
  "another runtime's gradient": [(l) => ({ ...l, grad: foreign.tensor(l.grad.data, l.grad.shape) }), 'runtime', /the gradient that loss gave belongs to another runtime/],
  'a disposed gradient': [
    (l) => {
      const grad = l.grad.clone()
      grad.dispose()
      return { ...l, grad }
    },
    'disposed',
    /the gradient that loss gave was disposed of/,
  ],
  'a divisor below 0': [(l) => ({ ...l, divisor: -1 }), 'type', /the divisor that loss gave is -1/],
  'a divisor that is none': [(l) => ({ ...l, divisor: Number.NaN }), 'type', /the divisor that loss gave is NaN/],
  'a divisor in letters': [(l) => ({ ...l, divisor: '3' }), 'type', /the divisor that loss gave is '3'/],
  'an unknown reduction': [(l) => ({ ...l, reduction: 'none' }), 'option', /the reduction that loss gave is 'none'/],
} // prettier-ignore

const test = suite("a user's own loss")

for (const [way, more] of Object.entries(WAYS)) {
  for (const [title, [spoil, code, message]] of Object.entries(WRONG)) {
    test(`${way}: refuses ${title}, and no weight or stranger changes`, async () => {
      const model = makeModel()
      const strangers = [rt, foreign].map((each) => each.tensor(new Float64Array(64).fill(3)))
      // the first batch is right, and makes no update that could be told from one that is not made
      let calls = 0
      const loss: LossFunction = (...given) => {
        const right = mseLoss(...given)
        return calls++ === 0 ? right : (spoil(right) as Loss)
      }
      const options = { loss, optimizer: new SGD(model, { lr: 0 }), batchSize: 3, ...more }
      const error = await rejectionOf(fit(model, makeData(), options))
      assert.is(error.code, code, error.message)
      assert.match(error.message, message)
      assert.equal(model.stateDict(), makeModel().stateDict())
      for (const stranger of strangers) assert.ok(Array.from(stranger.data).every((value) => value === 3))
    })
  }
}

for (const [name, run] of Object.entries({
  target: (loss: LossFunction) => evaluate(makeModel(), [makeData()], { loss, metrics: ['mae'] }),
  mask: (loss: LossFunction) => {
    const mask = rt.tensor(new Float64Array(T * N).fill(1), [T, N])
    const model = makeModel()
    return fit(model, [{ ...makeData(), mask }], { loss, optimizer: new SGD(model, { lr: 0.1 }) })
  },
})) {
  test(`that disposes of its ${name} is refused, before anything is read in its place`, async () => {
    const loss: LossFunction = (x, y, options) => {
      const { value, grad } = mseLoss(x, y, options)
      if (name === 'target') y.dispose()
      else options.mask!.dispose()
      rt.tensor(new Float64Array(T * N).fill(1e9)).keep()
      return { value, grad }
    }
    const { code, message } = await rejectionOf(run(loss))
    assert.is(code, 'disposed')
    assert.match(message, new RegExp(`: the loss disposed of its ${name}$`))
  })
}

test('with class weights of 0 leaves metrics as they are, whatever the batches', async () => {
  const model = new Linear(rt, { inFeatures: 2, outFeatures: 2 })
  drawParameters(model, 4)
  const data = { input: drawTensor(rt, 1, 'x', [4, 2]), target: rt.indices([0, 0, 1, 1]) }
  const weight = rt.tensor([0, 1])
  const loss: LossFunction = (x, y, options) => crossEntropyLoss(x, y, { ...options, weight })
  const metrics = ['accuracy', 'perplexity'] as const
  const whole = (await evaluate(model, data, { loss, metrics, batchSize: 4 })).metrics!
  for (const batchSize of [1, 2]) {
    const parts = (await evaluate(model, data, { loss, metrics, batchSize })).metrics!
    // sums of four terms of size 1
    for (const name of metrics) assert.ok(Math.abs(parts[name]! - whole[name]!) < 16 * 2 ** -52)
  }
  const fitted = await fit(model, data, { loss, metrics, batchSize: 1, optimizer: new SGD(model, { lr: 0 }) })
  assert.ok(Math.abs(fitted.metrics!.accuracy![0]! - whole.accuracy!) < 16 * 2 ** -52)
})

test('a group whose first weight is tiny beside a later one has the update of both in one', async () => {
  const single = await createRuntime({ variant: 'simd', seed: 1 })
  const make = () => {
    const model = new Linear(single, { inFeatures: 1, outFeatures: 1 })
    drawParameters(model, 4)
    return model
  }
  const [parts, whole] = [make(), make()]
  const batch = (x: number, weight: number) => ({
    input: single.tensor([[x]]),
    target: single.tensor([[1]]),
    mask: single.tensor([weight]),
  })
  const both = { input: single.tensor([[1], [2]]), target: single.tensor([[1], [1]]), mask: single.tensor([1e-30, 1]) }
  const optionsOf = (model: Linear) => ({ loss: mseLoss, optimizer: new SGD(model, { lr: 0.1 }) })
  await fit(parts, [batch(1, 1e-30), batch(2, 1)], { ...optionsOf(parts), accumulate: 2 })
  await fit(whole, [both], optionsOf(whole))
  for (const [name, { data }] of Object.entries(whole.stateDict()))
    assert.ok(Math.abs(data[0]! - parts.stateDict()[name]!.data[0]!) < 8 * 2 ** -24)
})

test.run()
