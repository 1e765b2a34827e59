/** Tensors that are made for a while: rt.scope, tensor.keep, and the steps of fit. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  GRU,
  Linear,
  type LossFunction,
  SGD,
  Sequential,
  type Tensor,
  createRuntime,
  evaluate,
  fit,
  mseLoss,
  predict,
} from '../../bindings/index.ts'
import { drawTensor, numbers } from '../support/nets.ts'
import { refusalOf } from '../support/refusals.ts'

const rt = await createRuntime({ variant: 'simd', seed: 1 })

const test = suite('rt.scope')

test('gives back what was made in it, but for what it returns', () => {
  const used = rt.memoryUsed
  const made: Tensor[] = []
  const { sum, list } = rt.scope(() => {
    const a = rt.tensor([1, 2])
    const ids = rt.indices([1])
    const copy = a.clone()
    made.push(a, ids, copy)
    return { sum: rt.tensor([3]), list: [rt.tensor([4])] }
  })
  assert.equal(
    made.map((tensor) => tensor.disposed),
    [true, true, true],
  )
  assert.equal([numbers(sum), numbers(list[0]!)], [[3], [4]])
  sum.dispose()
  list[0]!.dispose()
  assert.is(rt.memoryUsed, used)
})

test('keep() takes a tensor out of all scopes', () => {
  let kept: Tensor | undefined
  rt.scope(() => rt.scope(() => void (kept = rt.tensor([5]).keep())))
  assert.equal(numbers(kept!), [5])
  kept!.dispose()
  assert.match(refusalOf(() => kept!.keep()).message, /^Tensor\.keep: the tensor was disposed of$/)
  const { output } = new Linear(rt, { inFeatures: 1, outFeatures: 1 }).forward(rt.tensor([[1]]))
  assert.match(refusalOf(() => output.keep()).message, /^Tensor\.keep: this tensor belongs to a module/)
})

test('scopes stand within each other: what an inner one returns belongs to the outer one', () => {
  const used = rt.memoryUsed
  let inner: Tensor | undefined
  rt.scope(() => {
    inner = rt.scope(() => rt.tensor([6]))
    assert.equal(numbers(inner), [6])
  })
  assert.is(inner!.disposed, true)
  assert.is(rt.memoryUsed, used)
})

test('takes states and predictions for its own, and hands on what lies deep in what it returns', () => {
  const gru = new GRU(rt, { inputSize: 1, hiddenSize: 2 })
  const x = drawTensor(rt, 1, 'x', [3, 2, 1])
  predict(gru, x).dispose()
  const used = rt.memoryUsed
  rt.scope(() => void [gru.initialState(2), predict(gru, x)])
  assert.is(rt.memoryUsed, used)
  let nested: object
  const deep = rt.scope(() => {
    const tensor = rt.tensor([7])
    nested = { inner: tensor }
    for (let i = 0; i < 20_000; i++) nested = Object.assign(Object.create(null) as object, { inner: nested })
    return { nested, tensor }
  })
  assert.equal(numbers(deep.tensor), [7])
})

test('what was thrown in it is thrown, and tensors go back all the same', () => {
  const used = rt.memoryUsed
  let error: unknown
  try {
    rt.scope(() => {
      rt.tensor(new Float32Array(1000))
      throw new RangeError('own')
    })
  } catch (thrown) {
    error = thrown
  }
  assert.is((error as Error).message, 'own')
  assert.is(rt.memoryUsed, used)
  rt.tensor([1]).dispose() // is of no scope
})

test('modules and their results made in it stay', () => {
  const { linear, output } = rt.scope(() => {
    const linear = new Linear(rt, { inFeatures: 1, outFeatures: 1, bias: false })
    linear.loadStateDict({ weight: { shape: [1, 1], data: [2] } })
    return { linear, output: linear.forward(rt.tensor([[3]])).output }
  })
  assert.equal(numbers(output), [6])
  assert.equal(numbers(linear.forward(rt.tensor([[4]])).output), [8])
})

test('a recorded forward has what its backward reads, though its input went back', () => {
  const gru = new GRU(rt, { inputSize: 2, hiddenSize: 3 })
  const x = drawTensor(rt, 1, 'x', [4, 1, 2])
  const gradient = drawTensor(rt, 2, 'd', [4, 1, 3])
  gru.forward(x)
  gru.backward({ output: gradient })
  const expected = gru.parameters().map(({ grad }) => numbers(grad))
  gru.zeroGrad()
  rt.scope(() => void gru.forward(x.clone()))
  drawTensor(rt, 3, 'z', [4, 1, 2], 100)
  gru.backward({ output: gradient })
  assert.equal(
    gru.parameters().map(({ grad }) => numbers(grad)),
    expected,
  )
})

test('refuses what is not done when it returns, and what is no function', () => {
  const used = rt.memoryUsed
  const { code, message } = refusalOf(() => rt.scope(async () => rt.tensor([1])))
  assert.is(code, 'type')
  assert.match(message, /^Runtime\.scope: run gave a promise; expected it to be done when it returns/)
  assert.is(rt.memoryUsed, used)
  assert.match(refusalOf(() => rt.scope(3 as never)).message, /^Runtime\.scope: run is 3; expected a function$/)
})

test('a tensor that went with its scope says so where it is used', () => {
  let lost: Tensor | undefined
  rt.scope(() => void (lost = rt.tensor([[1]])))
  const linear = new Linear(rt, { inFeatures: 1, outFeatures: 1 })
  const expected =
    /disposed of with the scope that it was made in \(rt\.scope, or a step of fit\); tensor\.keep\(\) keeps one$/
  assert.match(refusalOf(() => lost!.data).message, expected)
  assert.match(refusalOf(() => linear.forward(lost!)).message, expected)
})

test.run()

const steps = suite('steps of fit and evaluate')

const makeModel = () =>
  new Sequential(rt, [new GRU(rt, { inputSize: 1, hiddenSize: 2 }), new Linear(rt, { inFeatures: 2, outFeatures: 1 })])

/** A loss that makes four tensors of 40 KB, and says nothing of them. */
const wasteful: LossFunction = (prediction, target, options) => {
  rt.tensor(new Float32Array(10_000))
  const [x, y] = [prediction.clone(), target.clone()]
  const { value, grad } = mseLoss(x, y, options)
  rt.indices(new Int32Array(10_000))
  return { value, grad: rt.tensor(grad.data, grad.shape) }
}

steps('give back what a loss makes: memory stays as it is, and the weights are those of the plain loss', async () => {
  const [model, plain] = [makeModel(), makeModel()]
  plain.loadStateDict(model.stateDict())
  const data = { input: drawTensor(rt, 1, 'x', [5, 64, 1]), target: drawTensor(rt, 2, 'y', [5, 64, 1]) }
  const used: number[] = []
  const onProgress = () => used.push(rt.memoryUsed)
  const optionsOf = (own: Sequential) => ({ optimizer: new SGD(own, { lr: 0.1 }), batchSize: 1, seed: 1 })
  await fit(model, data, { loss: wasteful, ...optionsOf(model), onProgress })
  await fit(plain, data, { loss: mseLoss, ...optionsOf(plain) })
  assert.equal(new Set(used.slice(1)).size, 1)
  assert.equal(model.stateDict(), plain.stateDict())
  const before = rt.memoryUsed
  await evaluate(model, data, { loss: wasteful, batchSize: 1 })
  assert.ok(rt.memoryUsed - before < 40_000, `${rt.memoryUsed - before}`)
})

steps('what a loss keeps is kept; what it does not is refused in the next step, with the remedy', async () => {
  const model = makeModel()
  const data = { input: drawTensor(rt, 1, 'x', [5, 4, 1]), target: drawTensor(rt, 2, 'y', [5, 4, 1]) }
  const options = { optimizer: new SGD(model, { lr: 0.1 }), batchSize: 2 }
  const maskOf = (keeps: boolean): LossFunction => {
    let mask: Tensor | undefined
    return (x, y) => {
      if (!mask) [mask] = [rt.tensor(new Float32Array(10).fill(1), [5, 2])].map((made) => (keeps ? made.keep() : made))
      return mseLoss(x, y, { mask: mask! })
    }
  }
  await fit(model, data, { ...options, loss: maskOf(true) })
  let error: unknown
  await fit(model, data, { ...options, loss: maskOf(false) }).catch((thrown: unknown) => (error = thrown))
  assert.match((error as Error).message, /^mseLoss: mask was disposed of with the scope .*tensor\.keep\(\) keeps one$/)
})

steps.run()
