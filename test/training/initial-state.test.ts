/** States before the first step, given with the data: gathered with their samples, handed to the model. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type FitOptions,
  GRU,
  LSTM,
  Linear,
  type Module,
  PositionalEmbedding,
  Recurrent,
  SGD,
  Sequential,
  type State,
  type Tensor,
  createRuntime,
  defineCell,
  evaluate,
  fit,
  mseLoss,
  predict,
} from '../../bindings/index.ts'
import { stateTensors } from '../../bindings/module/state.ts'
import { add, linear, tanh } from '../../bindings/ops.ts'
import { drawParameters, drawTensor, numbers } from '../support/nets.ts'
import { rejectionOf } from '../support/refusals.ts'

const rt = await createRuntime({ dtype: 'float64', seed: 8 })
const [T, N, I] = [6, 5, 2]
const cell = defineCell({
  state: { h: 3 },
  input: { x: I },
  params: { W: [3, I], U: [3, 3] },
  step: ({ x, h, W, U }) => {
    const next = tanh(add(linear(x!, W!), linear(h!, U!)))
    return { state: { h: next }, output: next }
  },
})

const MODELS: Record<string, (batchFirst: boolean) => Module> = {
  'a GRU of two layers': (batchFirst) => new GRU(rt, { inputSize: I, hiddenSize: 3, numLayers: 2, batchFirst }),
  'a cell of its own': (batchFirst) => new Recurrent(rt, { cell, batchFirst }),
  'a container': (batchFirst) =>
    new Sequential(rt, [
      ...(batchFirst ? [] : [new PositionalEmbedding(rt, { maxLength: 2 * T, embeddingDim: I })]),
      new LSTM(rt, { inputSize: I, hiddenSize: 4, batchFirst }),
      new Linear(rt, { inFeatures: 4, outFeatures: 3 }),
    ]),
}

/** A state of random numbers; counts of steps stay. */
function drawState(model: Module, seed: number): State {
  const state = model.initialState(N)!
  for (const [path, tensor] of stateTensors(state))
    if (tensor.shape.length > 1) {
      const drawn = numbers(drawTensor(rt, seed, path, tensor.shape)) // memory may grow by it
      tensor.data.set(drawn)
    }
  return state
}

/** Closer than sums of T·N terms of size 1 in another order. */
const closeTo = (got: number, expected: number) => assert.ok(Math.abs(got - expected) < T * N * 3 * 8 * 2 ** -52)

const test = suite('states in the data')

for (const [title, make] of Object.entries(MODELS)) {
  for (const batchFirst of [false, true]) {
    const order = batchFirst ? [N, T] : [T, N]
    const prepare = () => {
      const model = make(batchFirst)
      drawParameters(model, 3)
      const data = {
        input: drawTensor(rt, 1, 'x', [...order, I]),
        target: drawTensor(rt, 2, 'y', [...order, 3]),
        state: drawState(model, 4),
      }
      return { model, data }
    }
    const name = `${title}${batchFirst ? ', batch first' : ''}`

    test(`${name}: evaluate, predict and validation give what forward gives, whatever the batches`, async () => {
      const { model, data } = prepare()
      model.eval()
      const { output } = model.forward(data.input, { state: data.state })
      const [expected, loss] = [numbers(output), mseLoss(output, data.target).value]
      const without = numbers(model.forward(data.input).output)
      assert.is.not(String(without), String(expected))
      for (const batchSize of [1, 2, N]) {
        const given = numbers(predict(model, data.input, { batchSize, state: data.state }))
        assert.equal(given, expected)
        closeTo((await evaluate(model, data, { loss: mseLoss, batchSize })).loss, loss)
      }
      closeTo((await evaluate(model, data, { loss: mseLoss, truncation: { window: 4 } })).loss, loss)
      const still = { loss: mseLoss, optimizer: new SGD(model, { lr: 0 }), validation: data }
      closeTo((await fit(model, data, { ...still, batchSize: 2 })).validation![0]!, loss)
    })

    test(`${name}: fit takes the steps that forward and backward with it take`, async () => {
      for (const more of [{}, { truncation: { window: T } }] as Partial<FitOptions>[]) {
        const [{ model: fitted, data }, { model: own }] = [prepare(), prepare()]
        const optimizerOf = (model: Module) => new SGD(model, { lr: 0.1 })
        const result = await fit(fitted, data, {
          loss: mseLoss,
          optimizer: optimizerOf(fitted),
          batchSize: N,
          shuffle: false,
          ...more,
        })
        const { value, grad } = mseLoss(own.forward(data.input, { state: data.state }).output, data.target)
        own.zeroGrad()
        own.backward({ output: grad })
        optimizerOf(own).step()
        assert.is(result.loss[0], (value * data.target.size) / data.target.size)
        assert.equal(fitted.stateDict(), own.stateDict())
      }
    })

    test(`${name}: samples keep their states where they are shuffled, and the caller's state is only read`, async () => {
      const { model, data } = prepare()
      const before = stateTensors(data.state).map(([, tensor]) => numbers(tensor))
      const still = { loss: mseLoss, optimizer: new SGD(model, { lr: 0 }), epochs: 2, batchSize: 2 }
      const expected = (await evaluate(model, data, { loss: mseLoss })).loss
      for (const options of [still, { ...still, truncation: { window: 4, stride: 2 } }])
        for (const loss of (await fit(model, data, options)).loss) closeTo(loss, expected)
      assert.equal(
        stateTensors(data.state).map(([, tensor]) => numbers(tensor)),
        before,
      )
    })
  }
}

const gru = new GRU(rt, { inputSize: I, hiddenSize: 3 })
const input = drawTensor(rt, 1, 'x', [T, N, I])
const target = drawTensor(rt, 2, 'y', [T, N, 3])
const REFUSED: [string, Module, unknown, string, RegExp][] = [
  ['of another number of samples', gru, { h: drawTensor(rt, 1, 'h', [1, 4, 3]) }, 'shape', /data\.state: state\.h is \[1, 4, 3\]; expected \[1, 5, 3\]/],
  ['of another name', gru, { c: drawTensor(rt, 1, 'h', [1, N, 3]) }, 'option', /data\.state/],
  ['that is none', gru, 'zeros', 'type', /data\.state/],
  ['for a model without one', new Linear(rt, { inFeatures: I, outFeatures: 3 }), { h: drawTensor(rt, 1, 'h', [N, 3]) }, 'option', /data\.state: state is given; .* none/],
] // prettier-ignore
for (const [title, model, state, code, message] of REFUSED) {
  test(`refuses one ${title}`, async () => {
    const error = await rejectionOf(evaluate(model, { input, target, state: state as State }, { loss: mseLoss }))
    assert.is(error.code, code, error.message)
    assert.match(error.message, message)
  })
}

test('one that was disposed of meanwhile is refused by its name', async () => {
  const state = { h: drawTensor(rt, 1, 'h', [1, N, 3]) as Tensor }
  const options = {
    loss: mseLoss,
    optimizer: new SGD(gru, { lr: 0 }),
    batchSize: 2,
    onProgress: () => state.h.dispose(),
  }
  const { code, message } = await rejectionOf(fit(gru, { input, target, state }, options))
  assert.is(code, 'disposed')
  assert.match(message, /^fit: data\.state\.h was disposed of/)
})

test.run()
