import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type FitData,
  Linear,
  type LossFunction,
  type MetricName,
  RetrogradError,
  type Runtime,
  SGD,
  bceWithLogitsLoss,
  createRuntime,
  crossEntropyLoss,
  evaluate,
  fit,
  mseLoss,
} from '../../bindings/index.ts'
import { generateIds, generateMask } from '../support/generator.ts'
import { drawTensor, numbers } from '../support/nets.ts'

const [T, N, C] = [4, 7, 3]
const runtimes = [await createRuntime({ dtype: 'float64' }), await createRuntime({ variant: 'simd' })]
const [double] = runtimes as [Runtime, Runtime]

/** Gives its input [T, N, columns]. */
function identity(rt: Runtime, columns: number): Linear {
  const model = new Linear(rt, { inFeatures: columns, outFeatures: columns })
  const data = Array.from({ length: columns * columns }, (_, i) => Number(i % (columns + 1) === 0))
  model.loadStateDict({
    weight: { shape: [columns, columns], data },
    bias: { shape: [columns], data: new Array<number>(columns).fill(0) },
  })
  return model
}

/** The data as one, and as batches of different numbers of samples whose means are not to be averaged. */
async function bothWays(rt: Runtime, data: FitData, loss: LossFunction, metrics: MetricName[]) {
  const columns = data.input.shape.at(-1)!
  const measure = async (batchSize: number) =>
    (await evaluate(identity(rt, columns), data, { loss, metrics, batchSize })).metrics!
  return [await measure(N), await measure(3)]
}

const near = (actual: number | undefined, expected: number, tolerance: number) =>
  assert.ok(Math.abs(actual! - expected) <= tolerance, `${actual} for ${expected}, tolerance ${tolerance}`)

for (const rt of runtimes) {
  const epsilon = rt.dtype === 'float64' ? 2 ** -52 : 2 ** -23
  const test = suite(`metrics (${rt.dtype})`)
  for (const masked of [false, true]) {
    const kept = masked ? Array.from(generateMask(1, 'mask', T * N)) : new Array<number>(T * N).fill(1)
    const count = kept.filter(Boolean).length
    const mask = masked ? { mask: rt.tensor(kept, [T, N]) } : {}
    const title = masked ? ', over what the mask keeps' : ''

    test(`accuracy and perplexity of ids equal plain loops${title}`, async () => {
      const input = drawTensor(rt, 1, 'x', [T, N, C], 3)
      const ids = generateIds(2, 'ids', T * N, C)
      const x = numbers(input)
      let [correct, surprisal] = [0, 0]
      for (let i = 0; i < T * N; i++) {
        if (!kept[i]) continue
        const row = x.slice(i * C, (i + 1) * C)
        correct += Number(row.indexOf(Math.max(...row)) === ids[i])
        surprisal += Math.log(row.reduce((sum, v) => sum + Math.exp(v), 0)) - row[ids[i]!]!
      }
      const data = { input, target: rt.indices(ids, [T, N]), ...mask }
      const expected = Math.exp(surprisal / count)
      for (const metrics of await bothWays(rt, data, crossEntropyLoss, ['accuracy', 'perplexity'])) {
        assert.is(metrics.accuracy, correct / count)
        // a logarithm of a sum of three exponentials below e^3, off by 8 roundings; exp scales that by its own value
        near(metrics.perplexity, expected, expected * 8 * 4 * epsilon)
      }
    })

    test(`accuracy of yes and no, mae and rmse equal plain loops${title}`, async () => {
      const input = drawTensor(rt, 3, 'x', [T, N, 2])
      const target = drawTensor(rt, 4, 'y', [T, N, 2])
      const truths = rt.tensor(
        numbers(target).map((v) => Number(v > 0)),
        [T, N, 2],
      )
      let [correct, absolute, squares] = [0, 0, 0]
      for (let i = 0; i < 2 * T * N; i++) {
        if (!kept[Math.floor(i / 2)]) continue
        const error = input.data[i]! - target.data[i]!
        absolute += Math.abs(error)
        squares += error ** 2
        correct += Number(input.data[i]! > 0 === truths.data[i]! > 0.5)
      }
      for (const metrics of await bothWays(rt, { input, target: truths, ...mask }, bceWithLogitsLoss, ['accuracy']))
        assert.is(metrics.accuracy, correct / (2 * count))
      for (const metrics of await bothWays(rt, { input, target, ...mask }, mseLoss, ['mae', 'rmse'])) {
        // the model gives its input to the bit, all else is float64: sums of at most 56 terms, in another order
        near(metrics.mae, absolute / (2 * count), 57 * 2 ** -52 * (absolute / (2 * count)))
        const rmse = Math.sqrt(squares / (2 * count))
        near(metrics.rmse, rmse, 57 * 2 ** -52 * rmse)
      }
    })
  }
  test.run()
}

const more = suite('metrics')
more('have their closed forms: even logits have perplexity C, constant errors mae and rmse alike', async () => {
  const even = { input: double.tensor(new Float64Array(5 * C), [5, C]), target: double.indices([0, 1, 2, 0, 0]) }
  const measured = await evaluate(identity(double, C), even, {
    loss: crossEntropyLoss,
    metrics: ['perplexity', 'accuracy'],
  })
  near(measured.metrics!.perplexity, C, 4 * C * 2 ** -52)
  // the first of equal logits counts as the greatest
  assert.is(measured.metrics!.accuracy, 3 / 5)
  const off = { input: double.tensor([[3], [-1], [2]]), target: double.tensor([[1], [1], [4]]) }
  const errors = await evaluate(identity(double, 1), off, { loss: mseLoss, metrics: ['mae', 'rmse'] })
  assert.equal(errors, { loss: 4, metrics: { mae: 2, rmse: 2 } })
})

more('never read what a mask leaves out; are NaN where it leaves out all', async () => {
  const data = { input: double.tensor([[3], [0]]), target: double.tensor([[1], [Number.NaN]]) }
  const options = { loss: mseLoss, metrics: ['mae', 'rmse'] as const }
  const half = await evaluate(identity(double, 1), { ...data, mask: double.tensor([1, 0]) }, options)
  assert.equal(half.metrics, { mae: 2, rmse: 2 })
  const none = await evaluate(identity(double, 1), { ...data, mask: double.tensor([0, 0]) }, options)
  assert.equal(none.metrics, { mae: Number.NaN, rmse: Number.NaN })
})

more('of fit are those of the validation data, or of the batches trained on', async () => {
  const [data, validation] = [0, 2].map((seed) => ({
    input: drawTensor(double, seed, 'x', [6, 2]),
    target: drawTensor(double, seed, 'y', [6, 2]),
  })) as [FitData, FitData]
  const model = identity(double, 2)
  const options = { loss: mseLoss, epochs: 2, batchSize: 4, metrics: ['mae', 'rmse'] as const }
  const first = await evaluate(model, data, { loss: mseLoss, metrics: ['mae', 'rmse'] })
  const still = await fit(model, data, { ...options, optimizer: new SGD(model, { lr: 0 }) })
  for (const epoch of [0, 1]) {
    // sums of 12 terms in another order
    near(still.metrics!.mae![epoch], first.metrics!.mae!, 13 * 2 ** -52)
    near(still.metrics!.rmse![epoch], first.metrics!.rmse!, 13 * 2 ** -52)
  }
  const seen: number[] = []
  const onProgress = async () => {
    seen.push((await evaluate(model, validation, { loss: mseLoss, metrics: ['mae'] })).metrics!.mae!)
  }
  const result = await fit(model, data, {
    ...options,
    optimizer: new SGD(model, { lr: 0.1 }),
    validation,
    onProgress,
  })
  assert.equal(result.metrics!.mae, [seen[1], seen[3]])
  assert.is('metrics' in (await evaluate(model, data, { loss: mseLoss })), false)
})

const target = double.tensor([[1]])
const REFUSED: [string, LossFunction, unknown, string, RegExp][] = [
  [
    'a name that is none',
    mseLoss,
    ['mse'],
    'option',
    /^evaluate: metrics is 'mse'; expected one of accuracy, mae, rmse, perplexity$/,
  ],
  ['no list', mseLoss, 'mae', 'type', /^evaluate: metrics is 'mae'; expected a list of names$/],
  ['a name twice', mseLoss, ['mae', 'mae'], 'option', /^evaluate: metrics holds a name twice/],
  [
    'perplexity of another loss',
    mseLoss,
    ['perplexity'],
    'option',
    /^evaluate: metrics holds 'perplexity'; expected crossEntropyLoss or another loss of logits and ids/,
  ],
  [
    'accuracy of errors',
    mseLoss,
    ['accuracy'],
    'option',
    /^evaluate: metrics holds 'accuracy'; expected crossEntropyLoss, bceWithLogitsLoss/,
  ],
  [
    'errors of ids',
    crossEntropyLoss,
    ['rmse'],
    'option',
    /^evaluate: metrics holds 'rmse'; expected mseLoss, huberLoss/,
  ],
  [
    'a target of another shape',
    (p) => mseLoss(p, p),
    ['mae'],
    'shape',
    /^evaluate: the target is \[1, 1\]; metrics 'mae' expected \[1, 2\]$/,
  ],
]
for (const [title, loss, metrics, code, message] of REFUSED) {
  more(`refuse ${title}`, async () => {
    const input = drawTensor(double, 1, 'x', [1, 2])
    let error: unknown
    await evaluate(identity(double, 2), { input, target }, { loss, metrics: metrics as MetricName[] }).catch(
      (thrown: unknown) => (error = thrown),
    )
    assert.ok(error instanceof RetrogradError, `threw ${error}`)
    assert.match(error.message, message)
    assert.is(error.code, code)
  })
}
more.run()
