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
  Sequential,
  clipGradNorm,
  createRuntime,
  crossEntropyLoss,
  fit,
  mseLoss,
} from '../bindings/index.ts'
import { drawTensor, numbers } from './support/nets.ts'

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
      total += value * chosen.length
    }
    return total / N
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
