import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  Adam,
  type FitProgress,
  GRU,
  LSTM,
  LastStep,
  Linear,
  SGD,
  StepLR,
  Sequential,
  clipGradNorm,
  createRuntime,
  evaluate,
  crossEntropyLoss,
  fit,
  mseLoss,
  predict,
} from '../../bindings/index.ts'
import { drawTensor, numbers } from '../support/nets.ts'

const rt = await createRuntime({ dtype: 'float64', seed: 2 })
const [T, N, I] = [6, 10, 2]

const forecaster = (batchFirst = false) =>
  new Sequential(rt, [
    new GRU(rt, { inputSize: I, hiddenSize: 4, batchFirst }),
    new Linear(rt, { inFeatures: 4, outFeatures: 1 }),
  ])

const test = suite('fit')

test('takes the steps that a loop by hand takes, the last batch smaller', async () => {
  const [fitted, byHand] = [forecaster(), forecaster()]
  byHand.loadStateDict(fitted.stateDict())
  const [x, y] = [drawTensor(rt, 1, 'x', [T, N, I]), drawTensor(rt, 2, 'y', [T, N, 1])]
  const order: number[][] = []
  const options = { epochs: 2, batchSize: 4, clip: { norm: 0.5 }, seed: 9 }
  const { loss, steps } = await fit(
    fitted,
    { input: x, target: y },
    { ...options, loss: mseLoss, optimizer: new SGD(fitted, { lr: 0.1, momentum: 0.9 }) },
  )
  assert.is(steps, 6)
  for (const epoch of [0, 1]) order.push(shuffled(N, 9, epoch))
  const optimizer = new SGD(byHand, { lr: 0.1, momentum: 0.9 })
  const means = order.map((samples) => {
    let total = 0
    for (let first = 0; first < N; first += 4) {
      const chosen = samples.slice(first, first + 4)
      const pick = (data: ArrayLike<number>, F: number) =>
        Array.from({ length: T * chosen.length * F }, (_, i) => {
          const [t, b] = [Math.floor(i / (chosen.length * F)), Math.floor(i / F) % chosen.length]
          return data[(t * N + chosen[b]!) * F + (i % F)]!
        })
      const input = rt.tensor(pick(x.data, I), [T, chosen.length, I])
      const { value, grad } = mseLoss(byHand.forward(input).output, rt.tensor(pick(y.data, 1), [T, chosen.length, 1]))
      byHand.zeroGrad()
      byHand.backward({ output: grad })
      clipGradNorm(byHand, 0.5)
      optimizer.step()
      total += value * (chosen.length * T)
    }
    return total / (N * T)
  })
  assert.equal(loss, means)
  assert.equal(fitted.stateDict(), byHand.stateDict())
})

/** The core's order of samples. */
function shuffled(n: number, seed: number, epoch: number): number[] {
  const indices = rt.indices(new Int32Array(n))
  rt.core.shuffle(n, seed, 0, epoch, 0x7f17, indices.address)
  return numbers(indices)
}

test('orders are permutations, another one each epoch and seed', () => {
  const orders = [shuffled(50, 1, 0), shuffled(50, 1, 1), shuffled(50, 2, 0)]
  const sorted = Array.from({ length: 50 }, (_, i) => i)
  for (const order of orders)
    assert.equal(
      order.toSorted((a, b) => a - b),
      sorted,
    )
  assert.is(new Set(orders.map(String)).size, 3)
  // each position's mean over many orders is 24.5, its standard error 14.4 / √400 = 0.72: within 5 of those
  const firsts = Array.from({ length: 400 }, (_, epoch) => shuffled(50, 3, epoch)[0]!)
  assert.ok(Math.abs(firsts.reduce((a, b) => a + b) / 400 - 24.5) < 3.6)
})

test('learns, batch first, with ids as targets, and reports progress', async () => {
  const model = new Sequential(rt, [
    new LSTM(rt, { inputSize: 1, hiddenSize: 8, batchFirst: true }),
    new LastStep(rt, { batchFirst: true }),
    new Linear(rt, { inFeatures: 8, outFeatures: 2 }),
  ])
  // is the first value of a sequence the greater one of two?
  const ids = Array.from({ length: 40 }, (_, i) => i % 2)
  const input = rt.tensor(
    ids.flatMap((id) => [id, 0.1, 0.2, 0.3]),
    [40, 4, 1],
  )
  const seen: FitProgress[] = []
  const { loss } = await fit(
    model,
    { input, target: rt.indices(ids) },
    {
      loss: crossEntropyLoss,
      optimizer: new Adam(model, { lr: 0.05 }),
      epochs: 20,
      batchSize: 8,
      onProgress: (progress) => seen.push(progress),
    },
  )
  assert.ok(loss.at(-1)! < 0.1 && loss[0]! > 0.5, `${loss[0]} → ${loss.at(-1)}`)
  assert.is(seen.length, 100)
  assert.equal([seen.at(-1)!.step, seen.at(-1)!.steps, seen.at(-1)!.epoch, seen.at(-1)!.epochs], [100, 100, 20, 20])
  assert.ok(seen.every(({ stepsPerSecond, loss: value }) => stepsPerSecond > 0 && Number.isFinite(value)))
})

test('takes the order of axes from the first module that has a time axis', async () => {
  const model = new Sequential(rt, [
    new Linear(rt, { inFeatures: I, outFeatures: 3 }),
    new LSTM(rt, { inputSize: 3, hiddenSize: 2, batchFirst: true }),
  ])
  assert.is(model.batchFirst, true)
  const shapes: string[] = []
  const loss: typeof mseLoss = (prediction, target, options) => {
    shapes.push(String(prediction.shape))
    return mseLoss(prediction, target, options)
  }
  const data = { input: drawTensor(rt, 1, 'x', [N, T, I]), target: drawTensor(rt, 2, 'y', [N, T, 2]) }
  await fit(model, data, { loss, optimizer: new SGD(model), batchSize: 4 })
  assert.equal(shapes, ['4,6,2', '4,6,2', '2,6,2'])
})

test('a mask leaves samples out', async () => {
  const [x, y] = [drawTensor(rt, 1, 'x', [T, N, I]), drawTensor(rt, 2, 'y', [T, N, 1])]
  const mask = rt.tensor(
    Array.from({ length: T * N }, (_, i) => Number(i % N !== 3)),
    [T, N],
  )
  for (let t = 0; t < T; t++) y.data[t * N + 3] = Number.NaN
  const model = forecaster()
  const { loss } = await fit(model, { input: x, target: y, mask }, { loss: mseLoss, optimizer: new SGD(model) })
  assert.ok(loss.every(Number.isFinite))
})

const samples = (seed: number, n = N) => ({
  input: drawTensor(rt, seed, 'x', [T, n, I]),
  target: drawTensor(rt, seed + 1, 'y', [T, n, 1]),
})

test('stops early and goes back to the best weights', async () => {
  const model = forecaster()
  const [data, validation] = [samples(1), samples(3)]
  // a rate that overshoots after a few epochs
  const optimizer = new SGD(model, { lr: 1.2, momentum: 0.9 })
  const result = await fit(model, data, {
    loss: mseLoss,
    optimizer,
    epochs: 200,
    batchSize: 5,
    validation,
    patience: 4,
  })
  const best = Math.min(...result.validation!)
  assert.ok(result.validation!.length < 200)
  assert.is(result.validation!.length - 1 - result.validation!.indexOf(best), 4)
  assert.is((await evaluate(model, validation, { loss: mseLoss })).loss, best)
})

test('stops between two steps when aborted, everything usable', async () => {
  const model = forecaster()
  const controller = new AbortController()
  const onProgress = ({ step }: FitProgress) => step === 3 && controller.abort()
  const options = { loss: mseLoss, optimizer: new SGD(model), batchSize: 2, epochs: 9 }
  const result = await fit(model, samples(1), { ...options, signal: controller.signal, onProgress })
  assert.equal([result.steps, result.loss.length], [3, 0])
  assert.is((await fit(model, samples(1), options)).steps, 45)
})

test('accumulated batches make the update of one large batch', async () => {
  const [whole, parts] = [forecaster(), forecaster()]
  parts.loadStateDict(whole.stateDict())
  const options = { loss: mseLoss, epochs: 2, seed: 4 }
  await fit(whole, samples(1), { ...options, optimizer: new SGD(whole, { lr: 0.1 }), batchSize: 10 })
  await fit(parts, samples(1), { ...options, optimizer: new SGD(parts, { lr: 0.1 }), batchSize: 5, accumulate: 2 })
  for (const [name, { data }] of Object.entries(whole.stateDict())) {
    // sums of T·N terms in another order
    for (const [i, w] of Array.from(data).entries()) {
      assert.ok(Math.abs(w - parts.stateDict()[name]!.data[i]!) < T * N * 2 ** -52)
    }
  }
})

test('a gradient that is not finite stops, or is skipped', async () => {
  const model = forecaster()
  const before = model.stateDict()
  // a finite loss whose gradient is not
  const broken: typeof mseLoss = (prediction, target, options) => {
    const { value, grad } = mseLoss(prediction, target, options)
    grad.data[0] = Number.POSITIVE_INFINITY
    return { value, grad }
  }
  const options = { loss: broken, optimizer: new SGD(model) }
  let error: unknown
  await fit(model, samples(1), options).catch((thrown: unknown) => (error = thrown))
  assert.match((error as Error).message, /a gradient is not finite at epoch 1, batch 1; no update/)
  await fit(model, samples(1), { ...options, onNonFinite: 'skip' })
  assert.equal(model.stateDict(), before)
})

test('a schedule steps once per epoch', async () => {
  const model = forecaster()
  const optimizer = new SGD(model, { lr: 0.8 })
  await fit(model, samples(1), {
    loss: mseLoss,
    optimizer,
    epochs: 5,
    schedule: new StepLR(optimizer, { stepSize: 2, gamma: 0.5 }),
  })
  assert.is(optimizer.lr, 0.2)
})

test('evaluate and predict go over all samples in their order, whatever the batch', async () => {
  const model = forecaster()
  const data = samples(7)
  const output = numbers(model.forward(data.input).output)
  assert.equal(numbers(predict(model, data.input, { batchSize: 3 })), output)
  const whole = mseLoss(model.forward(data.input).output, data.target).value
  const parts = (await evaluate(model, data, { loss: mseLoss, batchSize: 4 })).loss
  assert.ok(Math.abs(parts - whole) < 1e-15, `${parts} ${whole}`)
  assert.is(model.training, true)
})

test('predict puts samples first where a model drops time', () => {
  const model = new Sequential(rt, [new GRU(rt, { inputSize: I, hiddenSize: 3 }), new LastStep(rt)])
  const { input } = samples(7)
  const result = predict(model, input, { batchSize: 4 })
  assert.equal(result.shape, [N, 3])
  assert.equal(numbers(result), numbers(model.forward(input).output))
})

test('gives its memory back and leaves evaluation mode as it was', async () => {
  const model = forecaster().eval()
  const data = { input: drawTensor(rt, 1, 'x', [T, N, I]), target: drawTensor(rt, 2, 'y', [T, N, 1]) }
  const options = { loss: mseLoss, optimizer: new SGD(model), batchSize: 4 }
  await fit(model, data, options)
  const used = rt.memoryUsed
  await fit(model, data, options)
  assert.is(rt.memoryUsed, used)
  assert.is(model.training, false)
})
test.run()
