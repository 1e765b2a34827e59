/** Batches whose loss is not finite, with `onNonFinite: 'skip'`; and what of a user's own loss goes wrong. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  Adam,
  Dropout,
  type FitData,
  type FitOptions,
  type FitProgress,
  GRU,
  Linear,
  ReduceLROnPlateau,
  RetrogradError,
  SGD,
  Sequential,
  createRuntime,
  fit,
  mseLoss,
} from '../../bindings/index.ts'
import { drawParameters, drawTensor } from '../support/nets.ts'

const rt = await createRuntime({ dtype: 'float64', seed: 5 })

function makeModel(): Sequential {
  const model = new Sequential(rt, [
    new GRU(rt, { inputSize: 1, hiddenSize: 2 }),
    new Linear(rt, { inFeatures: 2, outFeatures: 1 }),
  ])
  drawParameters(model, 2)
  return model
}

function batchOf(seed: number, bad: 'input' | 'target' | undefined = undefined, at = 0): FitData {
  const batch = { input: drawTensor(rt, seed, 'x', [6, 2, 1]), target: drawTensor(rt, seed, 'y', [6, 2, 1]) }
  if (bad) batch[bad].data[at] = Number.NaN
  return batch
}

async function trained(batches: FitData[], more: Partial<FitOptions> = {}) {
  const model = makeModel()
  const optimizer = new Adam(model, { lr: 0.01 })
  const result = await fit(model, batches, { loss: mseLoss, optimizer, epochs: 2, onNonFinite: 'skip', ...more })
  return { weights: model.stateDict(), moments: optimizer.stateDict(), result }
}

const test = suite("onNonFinite: 'skip'")

for (const [title, more] of Object.entries<Partial<FitOptions>>({
  'one by one': {},
  'two at a time': { accumulate: 2 },
  'by their mean': { accumulate: 4 },
  'with metrics': { metrics: ['mae'] },
})) {
  for (const bad of ['input', 'target'] as const) {
    test(`leaves a batch out as if it were not there: ${title}, NaN in the ${bad}`, async () => {
      const good = [batchOf(1), batchOf(2), batchOf(3)]
      const spoilt = await trained(good.toSpliced(1, 0, batchOf(4, bad)), more)
      const clean = await trained(good, more)
      assert.equal(spoilt.weights, clean.weights)
      assert.equal(spoilt.moments, clean.moments)
      assert.equal(spoilt.result.loss, clean.result.loss)
      assert.equal(spoilt.result.metrics, clean.result.metrics)
      assert.equal([spoilt.result.steps, spoilt.result.skipped], [8, 2])
      assert.equal([clean.result.steps, clean.result.skipped], [6, 0])
    })
  }
}

test('leaves the draws of dropout to the next batch', async () => {
  const weights = async (batches: FitData[]) => {
    const seeded = await createRuntime({ dtype: 'float64', seed: 9 })
    const move = ({ input, target }: FitData) => ({
      input: seeded.tensor(input.data, input.shape),
      target: seeded.tensor(target.data, target.shape),
    })
    const model = new Sequential(seeded, [
      new GRU(seeded, { inputSize: 1, hiddenSize: 4, numLayers: 2, dropout: 0.5 }),
      new Dropout(seeded),
      new Linear(seeded, { inFeatures: 4, outFeatures: 1 }),
    ])
    const options = { loss: mseLoss, optimizer: new SGD(model, { lr: 0.1 }), onNonFinite: 'skip' as const }
    await fit(model, batches.map(move), options)
    return model.stateDict()
  }
  assert.equal(await weights([batchOf(1), batchOf(4, 'input'), batchOf(2)]), await weights([batchOf(1), batchOf(2)]))
})

test('gives NaN for an epoch of which nothing is left, which is no best one for a schedule', async () => {
  const model = makeModel()
  const optimizer = new SGD(model, { lr: 0.1 })
  const schedule = new ReduceLROnPlateau(optimizer, { patience: 1, factor: 0.5 })
  const batches = (epoch: number) => [epoch === 0 ? batchOf(1, 'target') : batchOf(1)]
  const { loss } = await fit(model, batches, { loss: mseLoss, optimizer, schedule, epochs: 4, onNonFinite: 'skip' })
  assert.ok(Number.isNaN(loss[0]))
  assert.ok(loss[3]! < loss[1]!)
  assert.is(optimizer.lr, 0.1)
})

test('leaves out what is left of a series, in blocks', async () => {
  const truncation = { window: 2 }
  // steps 3 and 4 of 6 are the second block
  const spoilt = await trained([batchOf(1), batchOf(2, 'input', 5), batchOf(3)], { truncation })
  const cut = { ...batchOf(2), lengths: [2, 2] }
  const clean = await trained([batchOf(1), cut, batchOf(3)], { truncation })
  assert.equal(spoilt.weights, clean.weights)
  assert.equal(spoilt.result.loss, clean.result.loss)
  assert.equal([spoilt.result.steps, spoilt.result.skipped], [16, 2])
})

test('a run goes on behind a batch that was left out', async () => {
  const batches = [batchOf(1), batchOf(2, 'input', 5), batchOf(3)]
  const places: unknown[] = []
  const onProgress = ({ position, loss }: FitProgress) => {
    const { epoch, batch, block } = position
    places.push(Number.isNaN(loss) ? [epoch, batch, block ?? 0] : 0)
  }
  await trained(batches, { truncation: { window: 2 }, epochs: 1, onProgress })
  assert.equal(places, [0, 0, 0, 0, [0, 2, 0], 0, 0, 0])
})

test('counts updates that are left out for their gradient', async () => {
  const broken: typeof mseLoss = (x, y, options) => {
    const { value, grad } = mseLoss(x, y, options)
    grad.data[0] = Number.POSITIVE_INFINITY
    return { value, grad }
  }
  const before = makeModel().stateDict()
  const { weights, result } = await trained([batchOf(1), batchOf(2), batchOf(3)], { loss: broken, accumulate: 2 })
  assert.equal(weights, before)
  assert.equal([result.steps, result.skipped], [6, 4])
})

test('without it the first such loss stops, and nothing is changed', async () => {
  const model = makeModel()
  let error: unknown
  const options = { loss: mseLoss, optimizer: new SGD(model, { lr: 0.1 }) }
  await fit(model, [batchOf(1, 'target')], options).catch((thrown: unknown) => (error = thrown))
  assert.ok(error instanceof RetrogradError && error.code === 'non-finite')
  assert.equal(model.stateDict(), makeModel().stateDict())
})

test.run()

const own = suite("a user's own loss that gives no loss")
for (const [title, given] of Object.entries({
  nothing: undefined,
  'a promise': Promise.resolve({ value: 1 }),
  'a number': 1,
  'no gradient': { value: 1 },
  'a gradient that is no tensor': { value: 1, grad: [1] },
})) {
  own(`is refused: ${title}`, async () => {
    const model = makeModel()
    let error: unknown
    const options = { loss: () => given as never, optimizer: new SGD(model, { lr: 0.1 }) }
    await fit(model, [batchOf(1)], options).catch((thrown: unknown) => (error = thrown))
    assert.ok(error instanceof RetrogradError && error.code === 'type', String(error))
    assert.match((error as Error).message, /^fit: loss gave .*; expected \{ value: a number, grad: a tensor \}$/)
    assert.equal(model.stateDict(), makeModel().stateDict())
  })
}
own.run()

const settings = suite('fit checks before it starts')
for (const [title, more, message] of [
  ['onProgress', { onProgress: 'log' }, /^fit: onProgress is 'log'; expected a function$/],
  ['signal', { signal: 'stop' }, /^fit: signal is 'stop'; expected an AbortSignal$/],
  ['a norm', { clip: { norm: '1' } }, /^fit: clip\.norm is '1'; expected a number > 0$/],
  ['a bound', { clip: { value: -1 } }, /^fit: clip\.value is -1; expected a number > 0$/],
  ['clip', { clip: null }, /^fit: clip is null; leave it out where it is not meant$/],
] as const) {
  settings(title, async () => {
    const model = makeModel()
    let error: unknown
    const options = { loss: mseLoss, optimizer: new SGD(model, { lr: 0.1 }), ...(more as object) }
    await fit(model, [batchOf(1)], options).catch((thrown: unknown) => (error = thrown))
    assert.ok(error instanceof RetrogradError, String(error))
    assert.match((error as Error).message, message)
    assert.equal(model.stateDict(), makeModel().stateDict())
  })
}
settings.run()
