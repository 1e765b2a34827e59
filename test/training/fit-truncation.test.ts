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
  LayerNorm,
  Linear,
  type Module,
  PositionalEmbedding,
  RetrogradError,
  SGD,
  Sequential,
  type State,
  type Tensor,
  clipGradNorm,
  createRuntime,
  crossEntropyLoss,
  fit,
  mseLoss,
  readCheckpoint,
  writeCheckpoint,
} from '../../bindings/index.ts'
import { drawParameters, drawTensor, numbers } from '../support/nets.ts'

const rt = await createRuntime({ variant: 'simd', seed: 3 })
const [T, N, I] = [23, 3, 2]

const make = (batchFirst = false) => {
  const model = new Sequential(rt, [
    new GRU(rt, { inputSize: I, hiddenSize: 5, batchFirst, skips: [2] }),
    new LayerNorm(rt, { normalizedShape: 5 }),
    new LSTM(rt, { inputSize: 5, hiddenSize: 4, batchFirst }),
    new Linear(rt, { inFeatures: 4, outFeatures: 1 }),
  ])
  drawParameters(model, 1)
  return model
}
const input = drawTensor(rt, 1, 'x', [T, N, I])
const target = drawTensor(rt, 2, 'y', [T, N, 1])
const LENGTHS = [20, 9, 0]

/** Steps [from, to) of [T, N, F], of the samples in this order. */
function slice({ data, shape }: Tensor, from: number, to: number, samples: readonly number[]): Tensor {
  const [, all, F] = shape as [number, number, number]
  const values: number[] = []
  for (let t = from; t < to; t++)
    for (const n of samples) for (let i = 0; i < F; i++) values.push(data[(t * all + n) * F + i]!)
  return rt.tensor(values, [to - from, samples.length, F])
}

/** [T, N, F] ↔ [N, T, F]. */
function swapped({ data, shape }: Tensor): Tensor {
  const [first, second, F] = shape as [number, number, number]
  const at = (i: number) => data[((Math.floor(i / F) % first) * second + Math.floor(i / F / first)) * F + (i % F)]!
  return rt.tensor(
    Array.from({ length: data.length }, (_, i) => at(i)),
    [second, first, F],
  )
}

const cloned = (state: State | undefined): State =>
  (state as State[]).map(
    (entry) =>
      entry && Object.fromEntries(Object.entries(entry as Record<string, Tensor>).map(([k, v]) => [k, v.clone()])),
  )

interface Hand {
  readonly stride: number
  readonly window: number
  readonly lengths?: readonly number[]
  readonly samples?: readonly number[]
}

/** One epoch by hand: every state that a window starts from is looked up by its step. */
function byHand(model: Module, optimizer: SGD, { stride, window, lengths, samples = [0, 1, 2] }: Hand): number[] {
  const states = new Map<number, State | undefined>([[0, undefined]])
  const losses: number[] = []
  const own = lengths && samples.map((n) => lengths[n]!)
  const within = (from: number, to: number) => own?.map((length) => Math.max(0, Math.min(length, to) - from))
  const end = own ? Math.max(...own) : T
  for (let block = 0; block * stride < end; block++) {
    const [first, nominal] = [block * stride, (block + 1) * stride]
    const [from, to] = [Math.max(0, nominal - window), Math.min(nominal, T)]
    const state = states.get(from)
    const run = (until: number) =>
      model.forward(slice(input, from, until, samples), {
        ...(state && { state }),
        ...(own && { lengths: within(from, until)! }),
      })
    const keep = nominal - (window % stride)
    if (keep < to) states.set(keep, cloned(run(keep).state))
    const { output, state: final } = run(to)
    if (keep === to) states.set(keep, cloned(final))
    const all = samples.map((_, i) => i)
    const prediction = slice(output, first - from, to - from, all)
    const mask = own && rt.tensor(
      Array.from({ length: (to - first) * own.length }, (_, i) =>
        Number(first + Math.floor(i / own.length) < own[i % own.length]!),
      ),
      [to - first, own.length],
    ) // prettier-ignore
    const { value, grad } = mseLoss(prediction, slice(target, first, to, samples), mask ? { mask } : {})
    const dOutput = rt.tensor(new Float32Array(output.size), output.shape)
    dOutput.data.set(grad.data, output.size - grad.size)
    model.zeroGrad()
    model.backward({ output: dOutput })
    clipGradNorm(model, 0.5)
    optimizer.step()
    losses.push(value)
  }
  return losses
}

const optimizerOf = (model: Module) => new SGD(model, { lr: 0.1, momentum: 0.9 })
const optionsOf = (model: Module) => ({ loss: mseLoss, optimizer: optimizerOf(model), clip: { norm: 0.5 } })

const hand = suite('fit with truncation takes the steps of a loop by hand')

for (const [stride, window] of [
  [5, 5],
  [1, 1],
  [4, 8],
  [2, 6],
  [1, 4],
  [3, 7], // windows that start inside a block
  [4, 5],
  [5, 9],
  [10, 22],
  [23, 23],
] as const) {
  for (const lengths of [undefined, LENGTHS]) {
    for (const batchFirst of [false, true]) {
      const title = `stride ${stride}, window ${window}${lengths ? ', lengths' : ''}${batchFirst ? ', batch first' : ''}`
      hand(`to the bit: ${title}`, async () => {
        const [fitted, own] = [make(batchFirst), make()]
        const ordered = batchFirst ? { input: swapped(input), target: swapped(target) } : { input, target }
        const seen: number[] = []
        const { steps } = await fit(fitted, [{ ...ordered, ...(lengths && { lengths }) }], {
          ...optionsOf(fitted),
          epochs: 2,
          truncation: { window, stride },
          onProgress: ({ loss }) => seen.push(loss),
        })
        const optimizer = optimizerOf(own)
        const hands = { stride, window, ...(lengths && { lengths }) }
        const expected = [...byHand(own, optimizer, hands), ...byHand(own, optimizer, hands)]
        // with the batch first a loss adds up its elements in another order
        if (batchFirst) closeTo(seen, expected)
        else assert.equal(seen, expected)
        if (batchFirst) closeTo(weightsOf(fitted), weightsOf(own))
        else assert.equal(fitted.stateDict(), own.stateDict())
        assert.is(steps, expected.length)
      })
    }
  }
}

const weightsOf = (model: Module) => model.parameters().flatMap(({ value }) => numbers(value))

/** Losses and weights of magnitude 1 after up to 46 updates, each of a gradient within 2^-17 of its size (T·N terms of 2^-24). */
function closeTo(values: readonly number[], expected: readonly number[]): void {
  assert.is(values.length, expected.length)
  for (const [i, value] of values.entries())
    assert.ok(Math.abs(value - expected[i]!) < 46 * 2 ** -17, `${i}: ${value} for ${expected[i]}`)
}

hand('batches of series in a random order, time kept', async () => {
  for (const batchFirst of [false, true]) {
    const [fitted, own] = [make(batchFirst), make(batchFirst)]
    const data = batchFirst ? { input: swapped(input), target: swapped(target) } : { input, target }
    const truncation = { window: 7, stride: 3 }
    await fit(
      fitted,
      { ...data, lengths: [20, 9, 4] },
      { ...optionsOf(fitted), batchSize: 2, seed: 9, epochs: 2, truncation },
    )
    const indices = rt.indices(new Int32Array(N))
    const batches = (epoch: number) => {
      indices.data.set([0, 1, 2])
      rt.core.shuffle(N, 9, 0, epoch, 0x7f17, indices.address)
      const order = numbers(indices)
      return [order.slice(0, 2), order.slice(2)].map((samples) => {
        const [x, y] = [slice(input, 0, T, samples), slice(target, 0, T, samples)]
        const lengths = samples.map((n) => [20, 9, 4][n]!)
        return batchFirst ? { input: swapped(x), target: swapped(y), lengths } : { input: x, target: y, lengths }
      })
    }
    await fit(own, batches, { ...optionsOf(own), epochs: 2, truncation })
    assert.equal(fitted.stateDict(), own.stateDict())
  }
})
hand.run()

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

limits('weights losses by the series that go on, and a shorter last block by its share', async () => {
  const model = new Linear(rt, { inFeatures: 1, outFeatures: 1 })
  model.loadStateDict({ weight: { shape: [1, 1], data: [1] }, bias: { shape: [1], data: [0] } })
  // predictions are the inputs: squared errors 1 in steps 1 to 4, 16 in step 5; the second series ends at 2
  const x = rt.tensor([1, 1, 1, 1, 1, 1, 1, 1, 4, 4], [5, 2, 1])
  const data = { input: x, target: rt.tensor(new Float32Array(10), [5, 2, 1]) }
  const options = { loss: mseLoss, optimizer: new SGD(model, { lr: 0 }), truncation: { window: 2 } }
  assert.equal((await fit(model, data, options)).loss, [(1 + 1 + 16 / 2) / 2.5])
  const { loss, steps } = await fit(model, { ...data, lengths: [5, 2] }, options)
  assert.equal(loss, [(2 * 1 + 1 + 16 / 2) / 3.5])
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

limits('tells how far it is, and where it may go on', async () => {
  const model = make()
  const seen: FitProgress[] = []
  const options = { ...optionsOf(model), epochs: 2, batchSize: 2, truncation: { window: 10 } }
  await fit(model, { input, target }, { ...options, onProgress: (progress) => seen.push(progress) })
  assert.ok(seen.every(({ steps }) => steps === 12))
  assert.is(seen.at(-1)!.secondsLeft, 0)
  assert.equal(
    seen.slice(0, 7).map(({ position: { epoch, batch, block } }) => [epoch, batch, block]),
    [
      [0, 0, 1],
      [0, 0, 2],
      [0, 1, undefined],
      [0, 1, 1],
      [0, 1, 2],
      [1, 0, undefined],
      [1, 0, 1],
    ],
  )
})

for (const stopAt of [3, 6, 9]) {
  limits(`goes on between series to the bits of an uninterrupted run: after ${stopAt} of 12 blocks`, async () => {
    const whole = make()
    const options = { loss: mseLoss, epochs: 2, batchSize: 2, truncation: { window: 20, stride: 10 } }
    await fit(whole, { input, target }, { ...options, optimizer: optimizerOf(whole) })
    const [first, second] = [make(), make()]
    const optimizer = optimizerOf(first)
    let bytes = new Uint8Array()
    const controller = new AbortController()
    await fit(first, { input, target }, {
      ...options,
      optimizer,
      signal: controller.signal,
      onProgress: ({ step, position }) => {
        if (step !== stopAt) return
        bytes = new Uint8Array(writeCheckpoint({ model: first, optimizer, position }))
        controller.abort()
      },
    }) // prettier-ignore
    const other = optimizerOf(second)
    const { position } = readCheckpoint(bytes, { model: second, optimizer: other })
    await fit(second, { input, target }, { ...options, optimizer: other, from: position })
    assert.equal(second.stateDict(), whole.stateDict())
  })
}

limits('stops in the middle of a series when aborted; a run cannot go on there', async () => {
  const model = make()
  const controller = new AbortController()
  const positions: FitProgress['position'][] = []
  const onProgress = ({ step, position }: FitProgress) => {
    positions.push(position)
    if (step === 2) controller.abort()
  }
  const options = { ...optionsOf(model), truncation: { window: 4 } }
  const result = await fit(model, { input, target }, { ...options, signal: controller.signal, onProgress })
  assert.equal([result.steps, result.loss.length], [2, 0])
  await refused(
    fit(model, { input, target }, { ...options, from: positions[1]! }),
    'option',
    /^fit: from\.block is 2: the states in the middle of a series are lost; write checkpoints where/,
  )
  const { optimizer } = options
  const bytes = writeCheckpoint({ model, optimizer, position: positions[1]! })
  assert.is(readCheckpoint(bytes, { model, optimizer }).position.block, 2)
  await refused(
    fit(model, { input, target }, { ...options, from: { epoch: 0, batch: 0, block: -1 } }),
    'option',
    /from\.block is -1/,
  )
})

limits('takes memory for its windows, not for the series; all of it is given back', async () => {
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
        const options = { loss: mseLoss, optimizer, truncation: { window, stride }, batchSize: 2, onProgress }
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

async function refused(run: Promise<unknown>, code: string, message: RegExp): Promise<void> {
  let error: unknown
  await run.catch((thrown: unknown) => (error = thrown))
  assert.ok(error instanceof RetrogradError, `threw ${error}`)
  assert.match(error.message, message)
  assert.is(error.code, code)
}

const bad = suite('fit with truncation refuses')
const REFUSED: [string, () => Module, FitSource, Partial<FitOptions>, string, RegExp][] = [
  ['a window of 0', make, { input, target }, { truncation: { window: 0 } }, 'option', /^fit: truncation\.window is 0/],
  ['a stride beyond the window', make, { input, target }, { truncation: { window: 3, stride: 4 } }, 'option', /^fit: truncation\.stride is 4 and window 3/],
  ['an unknown option', make, { input, target }, { truncation: { window: 3, k1: 1 } as never }, 'option', /^fit: truncation: unknown option 'k1'/],
  ['what is no truncation', make, { input, target }, { truncation: 0 as never }, 'type', /^fit: truncation: options is 0/],
  ['a target per sample', make, { input, target: drawTensor(rt, 1, 'y', [N, 1]) }, {}, 'shape', /^fit: data\.target is \[3, 1\]; truncation expected a row for every step, \[23, 3, F\]$/],
  ['a mask per sample', make, { input, target, mask: drawTensor(rt, 1, 'm', [N]) }, {}, 'shape', /^fit: data\.mask is \[3\]; truncation expected a row for every step, \[23, 3\]$/],
  ['an input without time', () => new Linear(rt, { inFeatures: I, outFeatures: 1 }), { input: drawTensor(rt, 1, 'x', [N, I]), target: drawTensor(rt, 1, 'y', [N, 1]) }, {}, 'shape', /^fit: truncation is given; data\.target belongs to an input without a time axis$/],
  ['such targets in batches as they come', make, [{ input, target: drawTensor(rt, 1, 'y', [N, 1]) }], {}, 'shape', /^fit: batch 1 of epoch 1: data\.target is \[3, 1\]; truncation expected/],
  ['a model that drops time', () => new Sequential(rt, [new GRU(rt, { inputSize: I, hiddenSize: 1 }), new LastStep(rt)]), { input, target }, {}, 'unsupported', /^fit: truncation is given; the model drops time \(LastStep\)/],
  ['two directions', () => new Sequential(rt, [new GRU(rt, { inputSize: I, hiddenSize: 1, bidirectional: true })]), { input, target }, {}, 'unsupported', /^fit: truncation is given; a bidirectional module/],
] // prettier-ignore

for (const [title, model, data, more, code, message] of REFUSED) {
  bad(title, async () => {
    const made = model()
    const before = made.stateDict()
    await refused(fit(made, data, { ...optionsOf(made), truncation: { window: 4 }, ...more }), code, message)
    assert.equal(made.stateDict(), before)
  })
}

bad('a loss that is not finite, saying in which steps', async () => {
  const broken = target.clone()
  broken.data[13 * N] = Number.NaN
  const model = make()
  const data: FitData = { input, target: broken }
  await refused(
    fit(model, data, { ...optionsOf(model), truncation: { window: 4 } }),
    'non-finite',
    /at epoch 1, batch 1, steps 13 to 16; no update/,
  )
})
bad.run()
