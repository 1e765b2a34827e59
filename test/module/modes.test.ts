/** Whose mode is what while `fit`, `evaluate` and `predict` run, and after. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  Dropout,
  type FitOptions,
  GRU,
  Linear,
  type LossFunction,
  type Module,
  Residual,
  SGD,
  Sequential,
  createRuntime,
  evaluate,
  fit,
  mseLoss,
  predict,
} from '../../bindings/index.ts'
import { inMode } from '../../bindings/module/mode.ts'
import { drawTensor, numbers } from '../support/nets.ts'

const rt = await createRuntime({ dtype: 'float64', seed: 4 })
const [T, N, I] = [3, 6, 2]
const data = { input: drawTensor(rt, 1, 'x', [T, N, I]), target: drawTensor(rt, 2, 'y', [T, N, I]) }

/** Nine modules: containers three deep, and what is in them. */
function nested() {
  const parts = {
    gru: new GRU(rt, { inputSize: I, hiddenSize: 4 }),
    innerDropout: new Dropout(rt, { p: 0.5 }),
    innerLinear: new Linear(rt, { inFeatures: 4, outFeatures: 4 }),
    dropout: new Dropout(rt, { p: 0.5 }),
    linear: new Linear(rt, { inFeatures: 4, outFeatures: I }),
  }
  const inner = new Sequential(rt, [parts.innerDropout, parts.innerLinear])
  const residual = new Residual(rt, inner)
  const model = new Sequential(rt, [parts.gru, residual, new Sequential(rt, [parts.dropout]), parts.linear])
  return { model, inner, residual, ...parts }
}

const modes = (model: Module): boolean[] => model.descendants().map(({ training }) => training)
const everywhere = (training: boolean): boolean[] => new Array<boolean>(9).fill(training)

/** Trees of modes that no single call of `train` or `eval` makes. */
const MIXED: [string, (net: ReturnType<typeof nested>) => void][] = [
  ['a leaf in evaluation', ({ dropout }) => dropout.eval()],
  ['an inner leaf in evaluation', ({ innerDropout }) => innerDropout.eval()],
  ['a container in evaluation', ({ residual }) => residual.eval()],
  [
    'a container in evaluation, a leaf of it in training',
    ({ inner, innerLinear }) => [inner.eval(), innerLinear.train()],
  ],
  ['a model in evaluation, a leaf of it in training', ({ model, dropout }) => [model.eval(), dropout.train()]],
  ['a model in evaluation, a container of it in training', ({ model, inner }) => [model.eval(), inner.train()]],
  [
    'modes that alternate downwards',
    ({ model, residual, inner, innerDropout }) => [model.eval(), residual.train(), inner.eval(), innerDropout.train()],
  ],
]

/** A mixed net, and a check that its modes are as they were. */
function mixed(mix: (typeof MIXED)[number][1]) {
  const net = nested()
  mix(net)
  const before = modes(net.model)
  assert.not.equal(before, everywhere(true))
  assert.not.equal(before, everywhere(false))
  return { ...net, expectAsBefore: () => assert.equal(modes(net.model), before) }
}

const fails = async (run: () => unknown, message: RegExp): Promise<void> => {
  let error: unknown
  try {
    await run()
  } catch (thrown) {
    error = thrown
  }
  assert.match(String(error), message)
}

const boom = (): never => {
  throw new Error('boom')
}

const test = suite('modes')

for (const [name, mix] of MIXED) {
  test(`inMode sets all modules and gives each its own mode back: ${name}`, async () => {
    const { model, expectAsBefore } = mixed(mix)
    for (const training of [false, true]) {
      const during = () => modes(model)
      assert.equal(inMode(model, training, during), everywhere(training))
      expectAsBefore()
      await fails(() => inMode(model, training, boom), /boom/)
      expectAsBefore()
      const later = inMode(model, training, () => Promise.resolve().then(during))
      assert.equal(modes(model), everywhere(training), 'until it is settled')
      assert.equal(await later, everywhere(training))
      expectAsBefore()
      await fails(() => inMode(model, training, () => Promise.reject(new Error('boom'))), /boom/)
      expectAsBefore()
    }
  })

  test(`evaluate leaves every mode as it was: ${name}`, async () => {
    const { model, expectAsBefore } = mixed(mix)
    const seen: boolean[][] = []
    const loss: LossFunction = (...given) => {
      seen.push(modes(model))
      return mseLoss(...given)
    }
    await evaluate(model, data, { loss, batchSize: 4 })
    assert.equal(seen, [everywhere(false), everywhere(false)])
    expectAsBefore()
    await fails(() => evaluate(model, data, { loss: boom }), /boom/)
    expectAsBefore()
    await fails(() => evaluate(model, () => [data, { ...data, target: undefined! }], { loss }), /batch 2 of epoch 1/)
    expectAsBefore()
  })

  test(`predict leaves every mode as it was: ${name}`, async () => {
    const { model, linear, expectAsBefore } = mixed(mix)
    const result = predict(model, data.input, { batchSize: 4 })
    expectAsBefore()
    assert.equal(numbers(result), numbers(inMode(model, false, () => model.forward(data.input).output)))
    linear.forward = () => {
      assert.equal(modes(model), everywhere(false))
      return boom()
    }
    await fails(() => predict(model, data.input), /boom/)
    expectAsBefore()
  })

  test(`fit trains all modules and leaves every mode as it was: ${name}`, async () => {
    const { model, expectAsBefore } = mixed(mix)
    const seen: boolean[] = []
    const loss: LossFunction = (...given) => {
      const [all, ...others] = modes(model)
      assert.ok(others.every((training) => training === all))
      seen.push(all!)
      return mseLoss(...given)
    }
    const options: FitOptions = { loss, optimizer: new SGD(model), epochs: 2, batchSize: 3, validation: data }
    await fit(model, data, options)
    assert.equal(seen, [true, true, false, true, true, false])
    expectAsBefore()
    await fails(() => fit(model, data, { ...options, loss: boom }), /boom/)
    expectAsBefore()
    const failsInValidation: LossFunction = (...given) => (model.training ? mseLoss(...given) : boom())
    await fails(() => fit(model, data, { ...options, loss: failsInValidation }), /boom/)
    expectAsBefore()
    await fails(() => fit(model, data, { ...options, onProgress: boom }), /boom/)
    expectAsBefore()
  })
}

test('a mode that is set while fit runs outlasts validation and evaluate, until fit is done', async () => {
  const { model, dropout } = nested()
  const seen: boolean[] = []
  const loss: LossFunction = (...given) => {
    if (model.training) seen.push(dropout.training)
    return mseLoss(...given)
  }
  await fit(model, data, {
    loss,
    optimizer: new SGD(model),
    epochs: 2,
    batchSize: 3,
    validation: data,
    onProgress: async ({ step }) => {
      if (step === 1) dropout.eval()
      await evaluate(model, data, { loss: mseLoss })
      assert.is(model.training, true)
    },
  })
  assert.equal(seen, [true, false, false, false])
  assert.equal(modes(model), everywhere(true))
})

test('a container that tells nothing of what is inside it hands its own mode on', () => {
  const inside = new Dropout(rt)
  class Wrapper extends Linear {
    override train(): this {
      inside.train()
      return super.train()
    }

    override eval(): this {
      inside.eval()
      return super.eval()
    }
  }
  const model = new Wrapper(rt, { inFeatures: 1, outFeatures: 1 })
  inMode(model, false, () => assert.is(inside.training, false))
  assert.is(inside.training, true)
})

test.run()
