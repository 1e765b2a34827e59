/** What fit with truncation takes, what it costs, what it learns, and what it refuses. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  Adam,
  Dropout,
  Embedding,
  type FitData,
  type FitOptions,
  type FitProgress,
  type FitSource,
  GRU,
  LSTM,
  LastStep,
  Linear,
  type Module,
  PositionalEmbedding,
  SGD,
  Sequential,
  type Tensor,
  createRuntime,
  crossEntropyLoss,
  fit,
  mseLoss,
} from '../../bindings/index.ts'
import { drawTensor, numbers } from '../support/nets.ts'
import { I, N, T, drawSeries, expectRejection, makeModel, optimizerOf, optionsOf } from '../support/series.ts'

const rt = await createRuntime({ variant: 'simd', seed: 3 })
const make = () => makeModel(rt)
const { input, target } = drawSeries(rt)

const limits = suite('fit with truncation')

for (const [title, more] of Object.entries<Partial<FitOptions>>({
  'one batch': { batchSize: N },
  'several batches': { batchSize: 2 },
  'several batches for one update': { batchSize: 1, accumulate: 2 },
})) {
  limits(`is ordinary fit to the bit where the stride is T or more: ${title}`, async () => {
    for (const data of [
      { input, target },
      { input, target, lengths: [23, 9, 4] },
    ]) {
      for (const stride of [T, T + 9]) {
        const [plain, truncated] = [make(), make()]
        const expected = await fit(plain, data, { ...optionsOf(plain), ...more, epochs: 3 })
        const truncation = { window: T + 9, stride }
        const result = await fit(truncated, data, { ...optionsOf(truncated), ...more, epochs: 3, truncation })
        assert.equal(result, expected)
        assert.equal(truncated.stateDict(), plain.stateDict())
      }
    }
  })
}

limits('takes the stride from the window', async () => {
  const [one, other] = [make(), make()]
  await fit(one, { input, target }, { ...optionsOf(one), truncation: { window: 4 } })
  await fit(other, { input, target }, { ...optionsOf(other), truncation: { window: 4, stride: 4 } })
  assert.equal(one.stateDict(), other.stateDict())
})

limits('goes through ids, positions and models without state', async () => {
  const ids = rt.indices(
    Array.from({ length: T }, (_, t) => (t * t) % 4),
    [T, 1],
  )
  for (const layers of [
    [new GRU(rt, { inputSize: 6, hiddenSize: 6 })],
    [new PositionalEmbedding(rt, { maxLength: T, embeddingDim: 6 })],
    [],
  ]) {
    const model = new Sequential(rt, [
      new Embedding(rt, { numEmbeddings: 4, embeddingDim: 6 }),
      ...layers,
      new Linear(rt, { inFeatures: 6, outFeatures: 4 }),
    ])
    const { loss } = await fit(model, { input: ids, target: ids }, {
      loss: crossEntropyLoss,
      optimizer: new Adam(model, { lr: 0.05 }),
      epochs: 20,
      truncation: { window: 5, stride: 3 },
      metrics: ['accuracy'],
    }) // prettier-ignore
    assert.ok(loss.at(-1)! < loss[0]! / 2, `${loss[0]} → ${loss.at(-1)}`)
  }
})

limits('draws the same dropout for a state inside a window as for the window itself', async () => {
  // window 5 of stride 3 needs one; what the two runs of the same steps draw shows in what leaves the dropout
  const seen: number[][] = []
  class Spy extends Dropout {
    override forward(...args: Parameters<Dropout['forward']>) {
      const result = super.forward(...args)
      seen.push(numbers(result.output))
      return result
    }
  }
  const model = new Sequential(rt, [
    new Spy(rt, { p: 0.5 }),
    new GRU(rt, { inputSize: I, hiddenSize: 2 }),
    new Linear(rt, { inFeatures: 2, outFeatures: 1 }),
  ])
  await fit(model, { input, target }, { ...optionsOf(model), truncation: { window: 5, stride: 3 } })
  // 8 blocks, of which the first 7 are followed by a window that starts in them
  assert.is(seen.length, 15)
  for (let i = 0; i < 14; i += 2) assert.equal(seen[i], seen[i + 1]!.slice(0, seen[i]!.length))
  assert.is(new Set(seen.map(String)).size, 15)
})

limits('leaves masked elements out, block by block', async () => {
  const mask = rt.tensor(
    Array.from({ length: T * N }, (_, i) => Number(i % 5 !== 2)),
    [T, N],
  )
  const broken = target.clone()
  for (let i = 2; i < T * N; i += 5) broken.data[i] = Number.NaN
  const [masked, same] = [make(), make()]
  const truncation = { window: 6, stride: 2 }
  const { loss } = await fit(masked, { input, target: broken, mask }, { ...optionsOf(masked), truncation })
  await fit(same, { input, target, mask }, { ...optionsOf(same), truncation })
  assert.ok(loss.every(Number.isFinite))
  assert.equal(masked.stateDict(), same.stateDict())
})

limits('gives the mean over all elements, whatever the blocks', async () => {
  const model = new Linear(rt, { inFeatures: 1, outFeatures: 1 })
  model.loadStateDict({ weight: { shape: [1, 1], data: [1] }, bias: { shape: [1], data: [0] } })
  // predictions are the inputs: squared errors 1 in steps 1 to 4, 16 in step 5; the second series ends at 2
  const x = rt.tensor([1, 1, 1, 1, 1, 1, 1, 1, 4, 4], [5, 2, 1])
  const data = { input: x, target: rt.tensor(new Float32Array(10), [5, 2, 1]) }
  const options = { loss: mseLoss, optimizer: new SGD(model, { lr: 0 }), truncation: { window: 2 } }
  assert.equal((await fit(model, data, options)).loss, [(4 * 2 * 1 + 2 * 16) / 10])
  const { loss, steps } = await fit(model, { ...data, lengths: [5, 2] }, options)
  assert.equal(loss, [(2 * 2 * 1 + 2 * 1 + 16) / 7])
  assert.is(steps, 3)
  assert.is((await fit(model, { ...data, lengths: [1, 2] }, options)).steps, 1)
  assert.is((await fit(model, { ...data, lengths: [0, 0] }, options)).steps, 1)
})

limits('accumulates blocks', async () => {
  const updates = async (accumulate: number) => {
    const model = make()
    const optimizer = optimizerOf(model)
    let count = 0
    const step = optimizer.step.bind(optimizer)
    optimizer.step = () => {
      count++
      step()
    }
    const options = { loss: mseLoss, optimizer, batchSize: 2, accumulate, truncation: { window: 5 } }
    const { steps } = await fit(model, { input, target }, options)
    assert.is(steps, 10)
    return count
  }
  assert.equal([await updates(1), await updates(4)], [10, 3])
})

limits('takes memory for its windows, not for the series, in validation as well; all of it is given back', async () => {
  for (const [stride, window] of [
    [20, 20],
    [10, 40],
    [15, 40],
  ] as const) {
    for (const batchFirst of [false, true]) {
      const peaks: number[] = []
      for (const steps of [2000, 8000]) {
        const runtime = await createRuntime({ variant: 'simd' })
        const model = new Sequential(runtime, [
          new LSTM(runtime, { inputSize: I, hiddenSize: 8, batchFirst }),
          new Linear(runtime, { inFeatures: 8, outFeatures: 1 }),
        ])
        const axes = batchFirst ? [N, steps] : [steps, N]
        const data = {
          input: drawTensor(runtime, 1, 'x', [...axes, I]),
          target: drawTensor(runtime, 2, 'y', [...axes, 1]),
        }
        const before = runtime.memoryUsed
        let peak = 0
        const onProgress = () => (peak = Math.max(peak, runtime.memoryUsed - before))
        const optimizer = new SGD(model, { lr: 0.01 })
        const truncation = { window, stride }
        const options = { loss: mseLoss, optimizer, truncation, batchSize: 2, validation: data, onProgress }
        await fit(model, data, options)
        const after = runtime.memoryUsed
        await fit(model, data, options)
        assert.is(runtime.memoryUsed, after)
        peaks.push(peak)
      }
      assert.is(peaks[1], peaks[0])
      // eight plans of windows and their gradients, of some hundred numbers per step and sample
      assert.ok(peaks[0]! < 8 * window * 2 * 300 * 4, `${peaks[0]} bytes for a window of ${window}`)
    }
  }
})

limits('gives back the states of series that are left in the middle', async () => {
  const model = make()
  const plain = optionsOf(model)
  const used: number[] = []
  for (let i = 0; i < 12; i++) {
    const controller = new AbortController()
    const onProgress = ({ step }: FitProgress) => step === 2 && controller.abort()
    const options = { ...plain, signal: controller.signal, onProgress, epochs: 1 }
    await fit(model, { input, target }, { ...options, truncation: { window: 4, stride: i % 2 ? 2 : 4 } })
    used.push(rt.memoryUsed)
  }
  assert.equal([used[11], used[10]], [used[3], used[2]])
})

limits('learns a dependence within its window, and none beyond it', async () => {
  const [steps, series, lag] = [96, 8, 6]
  const bits = Array.from(drawTensor(rt, 4, 'bits', [steps, series, 1]).data, (v) => Number(v > 0))
  const echo = Array.from(bits, (_, i) => (i < lag * series ? 0 : bits[i - lag * series]!))
  const data = {
    input: rt.tensor(bits.map((b) => 2 * b - 1), [steps, series, 1]),
    target: rt.tensor(echo.map((b) => 2 * b - 1), [steps, series, 1]),
  } // prettier-ignore
  const lossAfter = async (window: number, stride: number) => {
    const seeded = await createRuntime({ variant: 'simd', seed: 5 })
    const move = (tensor: Tensor) => seeded.tensor(numbers(tensor), tensor.shape)
    const model = new Sequential(seeded, [
      new GRU(seeded, { inputSize: 1, hiddenSize: 16 }),
      new Linear(seeded, { inFeatures: 16, outFeatures: 1 }),
    ])
    const { loss } = await fit(model, { input: move(data.input), target: move(data.target) }, {
      loss: mseLoss,
      optimizer: new Adam(model, { lr: 0.01 }),
      epochs: 60,
      batchSize: series,
      truncation: { window, stride },
    }) // prettier-ignore
    return loss.at(-1)!
  }
  const [within, beyond] = [await lossAfter(12, 4), await lossAfter(3, 3)]
  // a guess costs 1
  assert.ok(within < 0.2, `${within}`)
  assert.ok(beyond > 0.7, `${beyond}`)
})
limits.run()

const bad = suite('fit with truncation refuses')
const REFUSED: [string, () => Module, FitSource, Partial<FitOptions>, string, RegExp][] = [
  ['a window of 0', make, { input, target }, { truncation: { window: 0 } }, 'option', /^fit: truncation\.window is 0/],
  ['a stride beyond the window', make, { input, target }, { truncation: { window: 3, stride: 4 } }, 'option', /^fit: truncation\.stride is 4 and window 3/],
  ['an unknown option', make, { input, target }, { truncation: { window: 3, k1: 1 } as never }, 'option', /^fit: truncation: unknown option 'k1'/],
  ['what is no truncation', make, { input, target }, { truncation: 0 as never }, 'type', /^fit: truncation: options is 0/],
  ['a target per sample', make, { input, target: drawTensor(rt, 1, 'y', [N, 1]) }, {}, 'shape', /^fit: data\.target is \[3, 1\]; truncation expected a row for every step, \[23, 3, F\]$/],
  ['a mask of other steps', make, { input, target, mask: drawTensor(rt, 1, 'm', [N, 2]) }, {}, 'shape', /^fit: data\.mask is \[3, 2\]; truncation expected a row for every step, \[23, 3\]$/],
  ['an input without time', () => new Linear(rt, { inFeatures: I, outFeatures: 1 }), { input: drawTensor(rt, 1, 'x', [N, I]), target: drawTensor(rt, 1, 'y', [N, 1]) }, {}, 'shape', /^fit: truncation is given; data\.target belongs to an input without a time axis$/],
  ['such targets in batches as they come', make, [{ input, target: drawTensor(rt, 1, 'y', [N, 1]) }], {}, 'shape', /^fit: batch 1 of epoch 1: data\.target is \[3, 1\]; truncation expected/],
  ['a model that drops time', () => new Sequential(rt, [new GRU(rt, { inputSize: I, hiddenSize: 1 }), new LastStep(rt)]), { input, target }, {}, 'unsupported', /^fit: truncation is given; the model drops time \(LastStep\)/],
  ['two directions', () => new Sequential(rt, [new GRU(rt, { inputSize: I, hiddenSize: 1, bidirectional: true })]), { input, target }, {}, 'unsupported', /^fit: truncation is given; a bidirectional module/],
] // prettier-ignore

for (const [title, model, data, more, code, message] of REFUSED) {
  bad(title, async () => {
    const made = model()
    const before = made.stateDict()
    await expectRejection(fit(made, data, { ...optionsOf(made), truncation: { window: 4 }, ...more }), code, message)
    assert.equal(made.stateDict(), before)
  })
}

bad('a loss that is not finite, saying in which steps', async () => {
  const broken = target.clone()
  broken.data[13 * N] = Number.NaN
  const model = make()
  const data: FitData = { input, target: broken }
  await expectRejection(
    fit(model, data, { ...optionsOf(model), truncation: { window: 4 } }),
    'non-finite',
    /at epoch 1, batch 1, steps 13 to 16; no update/,
  )
})
bad.run()
