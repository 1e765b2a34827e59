/** The one mask m: Σ m ℓ / Σ m, in losses and metrics, over batches, blocks and accumulated gradients. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  Adam,
  GRU,
  LastStep,
  Linear,
  type LossFunction,
  RetrogradError,
  SGD,
  Sequential,
  type Tensor,
  bceWithLogitsLoss,
  createRuntime,
  crossEntropyLoss,
  evaluate,
  fit,
  huberLoss,
  mseLoss,
} from '../../bindings/index.ts'
import { drawParameters, drawTensor, numbers } from '../support/nets.ts'

const rt = await createRuntime({ dtype: 'float64', seed: 3 })
const [T, N, F] = [5, 7, 2]

/** Sums of up to 140 terms of size 1, each within a few ulp. */
const CLOSE = 140 * 8 * 2 ** -52
const closeTo = (got: number, expected: number, what = '') =>
  assert.ok(Math.abs(got - expected) <= CLOSE * Math.max(1, Math.abs(expected)), `${what} ${got} for ${expected}`)

/** ℓ of an element, written out. */
const TERMS: Record<string, [LossFunction, (x: number, y: number) => number]> = {
  mse: [mseLoss, (x, y) => (x - y) ** 2],
  huber: [huberLoss, (x, y) => (Math.abs(x - y) < 1 ? (x - y) ** 2 / 2 : Math.abs(x - y) - 0.5)],
  bce: [bceWithLogitsLoss, (x, y) => Math.log(1 + Math.exp(x)) - x * y],
}

const WEIGHTS = [0.25, 0, 3, 1, 0.5, 0, 2]
const perSample = (m: readonly number[] = WEIGHTS) => rt.tensor(m, [N])

const losses = suite('a mask holds weights')

for (const [name, [loss, term]] of Object.entries(TERMS)) {
  losses(`${name}: Σ m ℓ / Σ m, and its gradient`, () => {
    const [x, y] = [drawTensor(rt, 1, 'x', [N, F], 2), drawTensor(rt, 2, 'y', [N, F])]
    const mean = (values: readonly number[]) =>
      values.reduce((sum, v, i) => sum + WEIGHTS[Math.floor(i / F)]! * term(v, y.data[i]!), 0) / (6.75 * F)
    const own = numbers(x)
    const { value, grad, divisor } = loss(x, y, { mask: perSample() })
    closeTo(value, mean(own))
    assert.is(divisor, 6.75 * F)
    const step = 2 ** -17 // the best for central differences in float64, whose error is then about 2^-34
    for (const i of own.keys()) {
      const moved = (by: number) => mean(own.with(i, own[i]! + by))
      assert.ok(Math.abs(grad.data[i]! - (moved(step) - moved(-step)) / (2 * step)) < 2 ** -30)
    }
  })

  losses(`${name}: what has the weight 0 is not read; a sum is not divided`, () => {
    const [x, y] = [drawTensor(rt, 1, 'x', [N, F]), drawTensor(rt, 2, 'y', [N, F])]
    const { value } = loss(x, y, { mask: perSample() })
    const sum = loss(x, y, { mask: perSample(), reduction: 'sum' })
    closeTo(sum.value, value * 6.75 * F)
    assert.equal([sum.reduction, sum.divisor], ['sum', 6.75 * F])
    x.data[F] = Number.NaN
    y.data[F + 1] = Number.POSITIVE_INFINITY
    const spoilt = loss(x, y, { mask: perSample() })
    assert.is(spoilt.value, value)
    assert.equal(numbers(spoilt.grad).slice(F, 2 * F), [0, 0])
  })
}

losses('crossEntropyLoss: class weights multiply with m, and are divided by', () => {
  const [logits, ids] = [drawTensor(rt, 1, 'x', [N, 3]), [0, 1, 2, 2, 1, 0, 1]]
  const classes = [1, 0.5, 2]
  const own = numbers(logits)
  let [sum, total] = [0, 0]
  for (const [n, id] of ids.entries()) {
    const row = own.slice(3 * n, 3 * n + 3)
    const w = WEIGHTS[n]! * classes[id]!
    sum += w * (Math.log(row.reduce((all, v) => all + Math.exp(v), 0)) - row[id]!)
    total += w
  }
  const options = { mask: perSample(), weight: rt.tensor(classes) }
  const { value, divisor } = crossEntropyLoss(logits, rt.indices(ids), options)
  closeTo(value, sum / total)
  closeTo(divisor!, total)
})

losses('refuses a weight below 0 or not finite, and takes Σ m = 0 for a loss of 0', () => {
  const [x, y] = [drawTensor(rt, 1, 'x', [N, F]), drawTensor(rt, 2, 'y', [N, F])]
  for (const bad of [-0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    let error: unknown
    try {
      mseLoss(x, y, { mask: perSample(WEIGHTS.with(4, bad)) })
    } catch (thrown) {
      error = thrown
    }
    assert.ok(error instanceof RetrogradError && error.code === 'range')
    assert.match((error as Error).message, /^mseLoss: mask holds .* at position 4; expected finite weights >= 0$/)
  }
  const { value, grad } = mseLoss(x, y, { mask: perSample(WEIGHTS.map(() => 0)) })
  assert.is(value, 0)
  assert.ok(numbers(grad).every((g) => g === 0))
})

losses.run()

const means = suite('means over a data set')

function perStepModel(batchFirst = false): Sequential {
  const model = new Sequential(rt, [
    new GRU(rt, { inputSize: 1, hiddenSize: 3, batchFirst }),
    new Linear(rt, { inFeatures: 3, outFeatures: F }),
  ])
  drawParameters(model, 5)
  return model
}

function perSampleModel(): Sequential {
  const model = new Sequential(rt, [
    new GRU(rt, { inputSize: 1, hiddenSize: 3 }),
    new LastStep(rt),
    new Linear(rt, { inFeatures: 3, outFeatures: F }),
  ])
  drawParameters(model, 5)
  return model
}

/** [T, N, …] as [N, T, …]. */
function swapped(tensor: Tensor): Tensor {
  const [steps, samples, ...rest] = tensor.shape as [number, number]
  const size = rest.reduce((a, b) => a * b, 1)
  const own = numbers(tensor)
  const at = (n: number, t: number) => own.slice((t * samples + n) * size, (t * samples + n + 1) * size)
  const all = Array.from({ length: samples }, (_, n) => Array.from({ length: steps }, (_, t) => at(n, t)))
  return rt.tensor(all.flat(2), [samples, steps, ...rest])
}

const LENGTHS = [5, 2, 0, 4, 1, 3, 5]

/** All that may weigh a target per step, each a function of step, sample and column. */
const FACTORS = {
  lengths: (t: number, n: number) => Number(t < LENGTHS[n]!),
  mask: (t: number, n: number) => ((t + n) % 3) / 2,
  columns: (t: number, n: number, f: number) => (t + 2 * n + f) % 2,
  weight: (_t: number, n: number) => WEIGHTS[n]!,
}
type Name = keyof typeof FACTORS

const COMBINED: Name[][] = [
  ['lengths'],
  ['mask'],
  ['columns'],
  ['weight'],
  ['lengths', 'mask'],
  ['lengths', 'columns'],
  ['lengths', 'weight'],
  ['mask', 'weight'],
  ['columns', 'weight'],
  ['lengths', 'mask', 'weight'],
  ['lengths', 'columns', 'weight'],
]

for (const names of COMBINED) {
  for (const batchFirst of [false, true]) {
    means(
      `${names.join(' · ')}${batchFirst ? ', batch first' : ''}: one number for all batch sizes and blocks`,
      async () => {
        const model = perStepModel(batchFirst)
        const order = (tensor: Tensor) => (batchFirst ? swapped(tensor) : tensor)
        const [input, target] = [drawTensor(rt, 1, 'x', [T, N, 1]), drawTensor(rt, 2, 'y', [T, N, F])]
        const given = names.includes('columns') ? 'columns' : names.includes('mask') ? 'mask' : undefined
        const size = given === 'columns' ? F : 1
        const values = Array.from({ length: T * N * size }, (_, i) => {
          const [t, n] = [Math.floor(i / (N * size)), Math.floor(i / size) % N]
          // what lies behind a length is no one's business
          return names.includes('lengths') && t >= LENGTHS[n]! ? Number.NaN : FACTORS[given ?? 'mask'](t, n, i % size)
        })
        const mask = given && rt.tensor(values, given === 'columns' ? [T, N, F] : [T, N])
        const data = {
          input: order(input),
          target: order(target),
          ...(names.includes('lengths') && { lengths: LENGTHS }),
          ...(mask && { mask: order(mask) }),
          ...(names.includes('weight') && { weight: perSample() }),
        }
        model.eval()
        const lengths = names.includes('lengths') ? { lengths: LENGTHS } : {}
        const output = numbers(model.forward(data.input, lengths).output)
        const y = numbers(data.target)
        let [sum, absolute, total] = [0, 0, 0]
        for (const [i, v] of output.entries()) {
          const row = Math.floor(i / F)
          const [t, n] = batchFirst ? [row % T, Math.floor(row / T)] : [Math.floor(row / N), row % N]
          const m = names.reduce((product, name) => product * FACTORS[name](t, n, i % F), 1)
          sum += m * (v - y[i]!) ** 2
          absolute += m * Math.abs(v - y[i]!)
          total += m
        }
        const options = { loss: mseLoss, metrics: ['mae', 'rmse'] as const }
        for (const how of [{ batchSize: 1 }, { batchSize: 3 }, { batchSize: N }, { truncation: { window: 2 } }]) {
          const { loss, metrics } = await evaluate(model, data, { ...options, ...how })
          closeTo(loss, sum / total, JSON.stringify(how))
          closeTo(metrics!.mae!, absolute / total)
          closeTo(metrics!.rmse!, Math.sqrt(sum / total))
        }
        const still = { ...options, optimizer: new SGD(model, { lr: 0 }) }
        for (const how of [{ batchSize: 3 }, { truncation: { window: 3 } }]) {
          const fitted = await fit(model, data, { ...still, ...how, validation: data })
          closeTo(fitted.loss[0]!, sum / total)
          closeTo(fitted.validation![0]!, sum / total)
        }
      },
    )
  }
}

means('of a target per sample, by mask and weight', async () => {
  const model = perSampleModel()
  model.eval()
  const [input, target] = [drawTensor(rt, 1, 'x', [T, N, 1]), drawTensor(rt, 2, 'y', [N, F])]
  const mask = rt.tensor(
    Array.from({ length: N * F }, (_, i) => i % 3),
    [N, F],
  )
  const output = numbers(model.forward(input).output)
  let [sum, total] = [0, 0]
  for (const [i, v] of output.entries()) {
    const m = WEIGHTS[Math.floor(i / F)]! * (i % 3)
    sum += m * (v - target.data[i]!) ** 2
    total += m
  }
  for (const batchSize of [1, 2, N]) {
    const { loss } = await evaluate(model, { input, target, mask, weight: perSample() }, { loss: mseLoss, batchSize })
    closeTo(loss, sum / total)
  }
})

means('a mask per sample is one also where there are as many steps as samples', async () => {
  const model = perStepModel()
  const shape = [N, N]
  const [input, target] = [drawTensor(rt, 1, 'x', [...shape, 1]), drawTensor(rt, 2, 'y', [...shape, F])]
  const expanded = rt.tensor(
    Array.from({ length: N * N }, (_, i) => WEIGHTS[i % N]!),
    shape,
  )
  const options = { loss: mseLoss }
  const { loss } = await evaluate(model, { input, target, mask: perSample() }, options)
  closeTo(loss, (await evaluate(model, { input, target, mask: expanded }, options)).loss)
})

means('of perplexity and accuracy weigh by m as well', async () => {
  const model = perSampleModel()
  model.eval()
  const input = drawTensor(rt, 1, 'x', [T, N, 1])
  const ids = [0, 1, 1, 0, 1, 0, 1]
  const logits = numbers(model.forward(input).output)
  let [surprisal, right] = [0, 0]
  for (const [n, id] of ids.entries()) {
    const [a, b] = [logits[2 * n]!, logits[2 * n + 1]!]
    surprisal += WEIGHTS[n]! * (Math.log(Math.exp(a) + Math.exp(b)) - [a, b][id]!)
    right += WEIGHTS[n]! * Number((b > a ? 1 : 0) === id)
  }
  const data = { input, target: rt.indices(ids), weight: perSample() }
  const smoothed: LossFunction = (x, y, options) => crossEntropyLoss(x, y, { ...options, labelSmoothing: 0.1 })
  for (const batchSize of [2, N]) {
    const metrics = ['perplexity', 'accuracy'] as const
    const measured = (await evaluate(model, data, { loss: smoothed, metrics, batchSize })).metrics!
    closeTo(measured.perplexity!, Math.exp(surprisal / 6.75))
    closeTo(measured.accuracy!, right / 6.75)
  }
})

means('of nothing are 0; sums add up', async () => {
  const model = perSampleModel()
  const [input, target] = [drawTensor(rt, 1, 'x', [T, N, 1]), drawTensor(rt, 2, 'y', [N, F])]
  const none = perSample(WEIGHTS.map(() => 0))
  assert.is((await evaluate(model, { input, target, mask: none }, { loss: mseLoss })).loss, 0)
  const summed: LossFunction = (x, y, options) => mseLoss(x, y, { ...options, reduction: 'sum' })
  const whole = (await evaluate(model, { input, target }, { loss: mseLoss })).loss
  for (const batchSize of [2, N])
    closeTo((await evaluate(model, { input, target }, { loss: summed, batchSize })).loss, whole * N * F)
})

means("a loss of one's own that says nothing of its divisor weighs by the mask it was given", async () => {
  const model = perSampleModel()
  const [input, target] = [drawTensor(rt, 1, 'x', [T, N, 1]), drawTensor(rt, 2, 'y', [N, F])]
  const silent: LossFunction = (x, y, options) => {
    const { value, grad } = mseLoss(x, y, options)
    return { value, grad }
  }
  const data = { input, target, mask: perSample() }
  const { loss } = await evaluate(model, data, { loss: mseLoss })
  closeTo((await evaluate(model, data, { loss: silent, batchSize: 2 })).loss, loss)
})

for (const [title, weight, message] of [
  ['below 0', [1, 1, 1, -1, 1, 1, 1], /^evaluate: data\.weight holds -1; expected finite weights >= 0$/],
  ['of too few samples', [1, 1], /^evaluate: data\.weight is \[2\]; expected 7 samples/],
] as const) {
  means(`refuse weights ${title}`, async () => {
    const model = perStepModel()
    const [input, target] = [drawTensor(rt, 1, 'x', [T, N, 1]), drawTensor(rt, 2, 'y', [T, N, F])]
    let error: unknown
    await evaluate(model, { input, target, lengths: LENGTHS, weight: rt.tensor(weight) }, { loss: mseLoss }).catch(
      (thrown: unknown) => (error = thrown),
    )
    assert.ok(error instanceof RetrogradError)
    assert.match((error as Error).message, message)
  })
}

means.run()

const updates = suite('updates of several batches')

const batchOf = (samples: number, seed: number, weights?: readonly number[]) => ({
  input: drawTensor(rt, seed, 'x', [T, samples, 1]),
  target: drawTensor(rt, seed, 'y', [samples, F]),
  ...(weights && { mask: rt.tensor(weights) }),
})

/** Batches side by side, time first. */
function together(batches: ReturnType<typeof batchOf>[]) {
  const all = batches.reduce((sum, { target }) => sum + target.shape[0]!, 0)
  const rows = batches.map(({ input }) => ({ own: numbers(input), samples: input.shape[1]! }))
  const steps = Array.from({ length: T }, (_, t) =>
    rows.map(({ own, samples }) => own.slice(t * samples, (t + 1) * samples)),
  )
  const masks = batches.flatMap(({ mask, target }) => (mask ? numbers(mask) : Array<number>(target.shape[0]!).fill(1)))
  return {
    input: rt.tensor(steps.flat(2), [T, all, 1]),
    target: rt.tensor(
      batches.flatMap(({ target }) => numbers(target)),
      [all, F],
    ),
    mask: rt.tensor(masks),
  }
}

const GROUPS = {
  'of one size': [batchOf(3, 1), batchOf(3, 2)],
  'of other sizes': [batchOf(4, 1), batchOf(1, 2), batchOf(2, 3)],
  'of other weights': [batchOf(2, 1, [0.5, 0]), batchOf(3, 2, [1, 0, 3])],
  'the first of which counts for nothing': [batchOf(2, 1, [0, 0]), batchOf(3, 2)],
}
for (const [title, batches] of Object.entries(GROUPS)) {
  for (const more of [0, 1]) {
    updates(`${title} are that of all in one${more ? ', a group that stays incomplete' : ''}`, async () => {
      const [parts, whole] = [perSampleModel(), perSampleModel()]
      const optimizerOf = (model: Sequential) => new SGD(model, { lr: 0.5 })
      const accumulate = batches.length + more
      await fit(parts, batches, { loss: mseLoss, optimizer: optimizerOf(parts), accumulate })
      await fit(whole, [together(batches)], { loss: mseLoss, optimizer: optimizerOf(whole) })
      for (const [name, { data }] of Object.entries(whole.stateDict()))
        for (const [i, w] of Array.from(data).entries()) closeTo(parts.stateDict()[name]!.data[i]!, w)
    })
  }
}

updates('of a batch that counts for nothing there are none: its loss is 0, no moment moves', async () => {
  const model = perSampleModel()
  const optimizer = new Adam(model)
  const data = batchOf(2, 1)
  await fit(model, [data], { loss: mseLoss, optimizer })
  const [before, moments] = [model.stateDict(), optimizer.stateDict()]
  const none = { ...data, mask: rt.tensor([0, 0]) }
  const { loss, steps } = await fit(model, [none], { loss: mseLoss, optimizer })
  assert.equal([loss, steps], [[0], 1])
  assert.equal(model.stateDict(), before)
  assert.equal(optimizer.stateDict(), moments)
})

updates("leave a loss's own gradient as it is", async () => {
  const model = perSampleModel()
  const constant = rt.tensor(new Float64Array(F).fill(0.5), [1, F])
  const options = { loss: () => ({ value: 1, grad: constant, divisor: divisors.shift()! }), accumulate: 2 }
  const divisors = [1, 3]
  await fit(model, [batchOf(1, 1), batchOf(1, 2)], { ...options, optimizer: new SGD(model, { lr: 0.1 }) })
  assert.equal(numbers(constant), [0.5, 0.5])
})

updates.run()
