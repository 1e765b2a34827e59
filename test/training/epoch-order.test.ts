/** The order of samples goes on from call to call, and over checkpoints. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type FitOptions,
  type FitPosition,
  type FitProgress,
  Linear,
  type LossFunction,
  SGD,
  StepLR,
  createRuntime,
  crossEntropyLoss,
  fit,
  mseLoss,
  readCheckpoint,
  writeCheckpoint,
} from '../../bindings/index.ts'
import { drawTensor } from '../support/nets.ts'

const rt = await createRuntime({ dtype: 'float64', seed: 4 })
const N = 8
const values = rt.tensor(Array.from({ length: N }, (_, i) => [i]))
const data = { input: values, target: values }

const makeModel = () => new Linear(rt, { inFeatures: 1, outFeatures: 1, bias: false })

/** Samples in the order in which they came, epoch by epoch. */
async function ordersOf(model: Linear, more: Partial<FitOptions>): Promise<string[]> {
  let all = ''
  const loss: LossFunction = (x, y, options) => {
    all += y.data[0]
    return mseLoss(x, y, options)
  }
  await fit(model, data, { loss, optimizer: new SGD(model, { lr: 0 }), batchSize: 1, ...more })
  return all.match(/.{1,8}/g) ?? []
}

const test = suite('the order of epochs')

test('is that of one call in several calls, and another one each time', async () => {
  const whole = await ordersOf(makeModel(), { epochs: 4 })
  assert.is(new Set(whole).size, 4)
  const model = makeModel()
  const parts = [
    ...(await ordersOf(model, {})),
    ...(await ordersOf(model, { epochs: 2 })),
    ...(await ordersOf(model, {})),
  ]
  assert.equal(parts, whole)
  assert.equal(await ordersOf(makeModel(), { epochs: 1 }), whole.slice(0, 1))
})

test('an epoch that was broken off is not begun again, but by its position', async () => {
  const whole = await ordersOf(makeModel(), { epochs: 3 })
  const model = makeModel()
  await ordersOf(model, {})
  const controller = new AbortController()
  let position: FitPosition | undefined
  const stopping = {
    signal: controller.signal,
    onProgress: (progress: { step: number; position: FitPosition }) => {
      if (progress.step === 3) [position] = [progress.position, controller.abort()]
    },
  }
  const begun = await ordersOf(model, stopping)
  assert.equal(begun, [whole[1]!.slice(0, 3)])
  assert.equal([position!.epoch, position!.batch, position!.epochsBefore], [0, 3, 1])
  assert.equal(await ordersOf(model, {}), [whole[2]!])
  assert.equal(await ordersOf(model, { from: position! }), [whole[1]!.slice(3)])
  assert.equal(await ordersOf(model, {}), [whole[2]!])
})

test('goes on in another process, from a position or from a checkpoint between two calls', async () => {
  const whole = await ordersOf(makeModel(), { epochs: 3 })
  const model = makeModel()
  const optimizer = new SGD(model, { lr: 0 })
  await ordersOf(model, { epochs: 2 })
  const bytes = writeCheckpoint({ model, optimizer })
  const other = makeModel()
  const { position } = readCheckpoint(bytes, { model: other, optimizer: new SGD(other, { lr: 0 }) })
  assert.equal(position, { epoch: 0, batch: 0, epochsBefore: 2 })
  assert.equal(await ordersOf(other, { from: position }), [whole[2]!])
  const third = makeModel()
  readCheckpoint(bytes, { model: third, optimizer: new SGD(third, { lr: 0 }) })
  assert.equal(await ordersOf(third, {}), [whole[2]!])
})

test('is that of the samples where they are not shuffled', async () => {
  assert.equal(await ordersOf(makeModel(), { epochs: 2, shuffle: false }), ['01234567', '01234567'])
  assert.equal(await ordersOf(makeModel(), { shuffle: true }), await ordersOf(makeModel(), {}))
  for (const [more, message] of [
    [{ shuffle: false, seed: 3 }, /^fit: seed is given and shuffle is false; expected one of them/],
    [{ shuffle: 'no' }, /^fit: shuffle is 'no'; expected true or false$/],
  ] as const) {
    let error: unknown
    await ordersOf(makeModel(), more as object).catch((thrown: unknown) => (error = thrown))
    assert.match((error as Error).message, message)
  }
})

test('an epoch whose first step is refused has not begun', async () => {
  const whole = await ordersOf(makeModel(), { epochs: 1 })
  const model = makeModel()
  const refused = { loss: crossEntropyLoss, optimizer: new SGD(model, { lr: 0 }), batchSize: 1 }
  await fit(model, data, refused).catch(() => undefined)
  assert.equal(await ordersOf(model, {}), whole)
})

test('a run that was broken off behind the last batch of an epoch goes on with the end of that epoch', async () => {
  const [x, y] = [drawTensor(rt, 1, 'x', [6, 1]), drawTensor(rt, 2, 'y', [6, 1])]
  const train = async (aborts: boolean) => {
    const model = makeModel()
    model.loadStateDict({ weight: { shape: [1, 1], data: [2] } })
    const optimizer = new SGD(model, { lr: 0.1 })
    const schedule = new StepLR(optimizer, { stepSize: 1, gamma: 0.5 })
    const controller = new AbortController()
    let [calls, position]: [number, FitPosition | undefined] = [0, undefined]
    const loss: LossFunction = (...given) => {
      if (++calls === 3 && aborts) controller.abort()
      return mseLoss(...given)
    }
    const options = { loss, optimizer, schedule, batchSize: 2, epochs: 2, validation: { input: x, target: y } }
    const onProgress = (progress: { position: FitProgress['position'] }) => void (position = progress.position)
    const first = await fit(model, { input: x, target: y }, { ...options, signal: controller.signal, onProgress })
    const rest = first.aborted ? await fit(model, { input: x, target: y }, { ...options, from: position! }) : undefined
    const all = [first, ...(rest ? [rest] : [])]
    return {
      weights: model.stateDict(),
      lr: optimizer.lr,
      loss: all.flatMap((each) => each.loss),
      validation: all.flatMap((each) => each.validation!),
    }
  }
  assert.equal(await train(true), await train(false))
})

test('a position behind the end of the data is refused', async () => {
  let error: unknown
  await ordersOf(makeModel(), { from: { epoch: 0, batch: N + 1 } }).catch((thrown: unknown) => (error = thrown))
  assert.match((error as Error).message, /^fit: data has 8 batches; there is no batch 10 to go on from$/)
})

test('a resumed run in a second call has the weights of an uninterrupted one', async () => {
  const [x, y] = [drawTensor(rt, 1, 'x', [N, 1]), drawTensor(rt, 2, 'y', [N, 1])]
  const train = (model: Linear, optimizer: SGD, more: Partial<FitOptions>) =>
    fit(model, { input: x, target: y }, { loss: mseLoss, optimizer, batchSize: 3, epochs: 2, ...more })
  const model = makeModel()
  const start = model.stateDict()
  const optimizer = new SGD(model, { lr: 0.1, momentum: 0.9 })
  let bytes: Uint8Array | undefined
  await train(model, optimizer, {})
  await train(model, optimizer, {
    onProgress: ({ step, position }) => {
      if (step === 2) bytes = writeCheckpoint({ model, optimizer, position })
    },
  })
  const resumed = makeModel()
  resumed.loadStateDict(start)
  const own = new SGD(resumed, { lr: 0.1, momentum: 0.9 })
  const { position } = readCheckpoint(bytes!, { model: resumed, optimizer: own })
  await train(resumed, own, { from: position })
  assert.equal(resumed.stateDict(), model.stateDict())
})

test.run()
