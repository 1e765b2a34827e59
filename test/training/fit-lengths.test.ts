import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type FitSource,
  type ForwardOptions,
  type ForwardResult,
  GRU,
  type Input,
  LastStep,
  type Lengths,
  Linear,
  type LossFunction,
  type Module,
  type Runtime,
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

const rt = await createRuntime({ dtype: 'float64', seed: 6 })
const single = await createRuntime({ variant: 'simd' })
const [T, N] = [4, 5]
const LENGTHS = [3, 0, 4, 1, 2]

/** Notes what lengths it is given, and goes on without them. */
class Recorder extends Sequential {
  readonly given: unknown[] = []

  constructor(runtime: Runtime, drops: boolean, batchFirst: boolean) {
    const linear = new Linear(runtime, { inFeatures: 1, outFeatures: 1 })
    linear.loadStateDict({ weight: { shape: [1, 1], data: [1] }, bias: { shape: [1], data: [0] } })
    super(runtime, drops ? [linear, new LastStep(runtime, { batchFirst })] : [linear])
    this.#batchFirst = batchFirst
  }

  readonly #batchFirst: boolean

  override get batchFirst(): boolean {
    return this.#batchFirst
  }

  override forward(input: Input, options: ForwardOptions & { lengths?: Lengths } = {}): ForwardResult {
    const { lengths, ...rest } = options
    this.given.push(Object.hasOwn(options, 'lengths') ? lengths : 'nothing')
    return super.forward(input, rest)
  }
}

/** Input 10 t + n at (t, n), so that a prediction tells its sample. */
function sequences(batchFirst: boolean): Tensor {
  const data = Array.from({ length: T * N }, (_, k) =>
    batchFirst ? 10 * (k % T) + Math.floor(k / T) : 10 * Math.floor(k / N) + (k % N),
  )
  return rt.tensor(data, batchFirst ? [N, T, 1] : [T, N, 1])
}

interface Seen {
  readonly samples: number[]
  readonly mask: Tensor | undefined
  readonly kept: number[]
}

/** Trains one epoch and tells what the loss saw of each batch. */
async function watch(
  model: Module,
  data: FitSource,
  batchSize: number | undefined,
  perSample: (output: Tensor) => number[],
) {
  const seen: Seen[] = []
  const loss: LossFunction = (prediction, _target, { mask }) => {
    seen.push({ samples: perSample(prediction), mask, kept: mask ? numbers(mask) : [] })
    return { value: 0, grad: rt.tensor(new Float64Array(prediction.size), prediction.shape) }
  }
  await fit(model, data, { loss, optimizer: new SGD(model), ...(batchSize && { batchSize }) })
  return seen
}

const test = suite('lengths')
for (const batchFirst of [false, true]) {
  const order = batchFirst ? 'batch first' : 'time first'
  const samplesOf = ({ data, shape }: Tensor) =>
    Array.from({ length: shape[batchFirst ? 0 : 1]! }, (_, b) => data[batchFirst ? b * T : b]! % 10)

  for (const batchSize of [2, N]) {
    test(`go with their samples, and mask a target per step: ${order}, ${batchSize} at a time`, async () => {
      for (const lengths of [LENGTHS, Int32Array.from(LENGTHS)]) {
        const model = new Recorder(rt, false, batchFirst)
        const input = sequences(batchFirst)
        const seen = await watch(model, { input, target: input.clone(), lengths }, batchSize, samplesOf)
        assert.equal(
          seen.flatMap(({ samples }) => samples).toSorted((a, b) => a - b),
          [0, 1, 2, 3, 4],
        )
        for (const [i, { samples, mask, kept }] of seen.entries()) {
          const own = samples.map((n) => LENGTHS[n]!)
          assert.equal(Array.from(model.given[i] as Int32Array), own)
          const B = samples.length
          assert.equal(mask?.shape, batchFirst ? [B, T] : [T, B])
          const expected = Array.from({ length: T * B }, (_, k) =>
            batchFirst ? Number(k % T < own[Math.floor(k / T)]!) : Number(Math.floor(k / B) < own[k % B]!),
          )
          assert.equal(kept, expected)
        }
      }
    })
  }

  test(`leave a target per sample alone, and are multiplied with a mask: ${order}`, async () => {
    const input = sequences(batchFirst)
    const dropping = new Recorder(rt, true, batchFirst)
    // the last step of sample n is 10 (T - 1) + n
    const lastSamples = (output: Tensor) => numbers(output).map((v) => v % 10)
    const byId = await watch(dropping, { input, target: rt.indices([0, 1, 2, 3, 4]), lengths: LENGTHS }, 3, lastSamples)
    assert.equal(
      byId.map(({ mask }) => mask),
      [undefined, undefined],
    )
    assert.equal(
      dropping.given.map((lengths) => Array.from(lengths as Int32Array)),
      byId.map(({ samples }) => samples.map((n) => LENGTHS[n]!)),
    )
    const whole = new Recorder(rt, false, batchFirst)
    const mask = rt.tensor(
      numbers(input).map((v) => v + 1),
      input.shape.slice(0, 2),
    )
    for (const { kept, samples } of await watch(
      whole,
      { input, target: input.clone(), lengths: LENGTHS, mask },
      2,
      samplesOf,
    )) {
      const B = samples.length
      assert.equal(
        kept.map((v) => (v - 1) % 10),
        Array.from({ length: T * B }, (_, k) => {
          const [t, i] = batchFirst ? [k % T, Math.floor(k / T)] : [Math.floor(k / B), k % B]
          return t < LENGTHS[samples[i]!]! ? samples[i]! : -1
        }),
      )
    }
  })
}

test('are not spoken of where none are given', async () => {
  const model = new Recorder(rt, false, false)
  const input = sequences(false)
  await watch(model, { input, target: input.clone() }, N, () => [])
  await evaluate(model, { input, target: input.clone() }, { loss: mseLoss })
  assert.equal(model.given, ['nothing', 'nothing'])
})

test('are taken by predict: the output of forward with lengths, whatever the batches', () => {
  const model = new Sequential(rt, [new GRU(rt, { inputSize: 1, hiddenSize: 2 }), new LastStep(rt)])
  const input = sequences(false)
  for (let t = 0; t < T; t++) for (let n = 0; n < N; n++) if (t >= LENGTHS[n]!) input.data[t * N + n] = Number.NaN
  const expected = numbers(model.eval().forward(input, { lengths: LENGTHS }).output)
  model.train()
  for (const lengths of [LENGTHS, Int32Array.from(LENGTHS), rt.indices(LENGTHS)])
    for (const batchSize of [1, 2, N]) {
      const output = predict(model, input, { lengths, batchSize })
      assert.equal(numbers(output), expected)
      output.dispose()
    }
  assert.throws(() => predict(model, input, { lengths: [1, 2] }), /^predict: lengths holds 2 numbers|predict: lengths/)
})

test('keep padded targets out of the loss of fit and evaluate', async () => {
  const model = new Recorder(rt, false, false)
  const input = sequences(false)
  const target = drawTensor(rt, 1, 'y', [T, N, 1])
  let [sum, count] = [0, 0]
  for (let t = 0; t < T; t++)
    for (let n = 0; n < N; n++) {
      if (t >= LENGTHS[n]!) target.data[t * N + n] = Number.NaN
      else {
        sum += (10 * t + n - target.data[t * N + n]!) ** 2
        count++
      }
    }
  const data = { input, target, lengths: LENGTHS }
  const { loss } = await evaluate(model, data, { loss: mseLoss })
  // a sum of ten positive terms, in another order
  assert.ok(Math.abs(loss - sum / count) <= 11 * 2 ** -52 * (sum / count), `${loss} for ${sum / count}`)
  const fitted = await fit(model, data, { loss: mseLoss, optimizer: new SGD(model, { lr: 1e-6 }), batchSize: N })
  assert.ok(Math.abs(fitted.loss[0]! - loss) <= 11 * 2 ** -52 * loss)
})

test('come with batches of their own as well', async () => {
  const model = new Recorder(rt, false, false)
  const batches = [
    [3, 1],
    [0, 4, 2],
  ].map((lengths) => {
    const input = drawTensor(rt, 1, 'x', [T, lengths.length, 1])
    return { input, target: input.clone(), lengths }
  })
  const seen = await watch(model, batches, undefined, () => [])
  assert.equal(
    model.given.map((lengths) => Array.from(lengths as Int32Array)),
    [
      [3, 1],
      [0, 4, 2],
    ],
  )
  assert.equal(
    seen.map(({ kept }) => kept),
    [
      [1, 1, 1, 0, 1, 0, 0, 0],
      [0, 1, 1, 0, 1, 1, 0, 1, 0, 0, 1, 0],
    ],
  )
})

test('are any list of whole numbers, as in forward: also a tensor of indices', async () => {
  const data = { input: sequences(false), target: drawTensor(rt, 3, 'y', [T, N, 1]) }
  const lossWith = async (lengths: Lengths, asBatches: boolean) => {
    const source = asBatches ? () => [{ ...data, lengths }] : { ...data, lengths }
    return (await evaluate(new Recorder(rt, false, false), source, { loss: mseLoss })).loss
  }
  for (const asBatches of [false, true]) {
    const expected = await lossWith(LENGTHS, asBatches)
    assert.not.equal(await lossWith([4, 4, 4, 4, 4], asBatches), expected)
    for (const lengths of [rt.indices(LENGTHS), Int32Array.from(LENGTHS), Float64Array.from(LENGTHS)])
      assert.is(await lossWith(lengths, asBatches), expected)
  }
})

test('that do not fit are refused', async () => {
  const model = new Recorder(rt, false, false)
  const input = sequences(false)
  const refused = async (lengths: unknown, message: RegExp, given: Tensor = input) => {
    let error: unknown
    const data = { input: given, target: given.clone(), lengths: lengths as Lengths }
    await fit(model, data, { loss: mseLoss, optimizer: new SGD(model) }).catch((thrown: unknown) => (error = thrown))
    assert.match(String((error as Error)?.message), message)
  }
  await refused([1, 2], /^fit: data\.lengths holds 2 numbers; expected one for each of 5 samples$/)
  await refused('12345', /^fit: data\.lengths is '12345'; expected 5 whole numbers$/)
  await refused([1, 2, 5, 1, 1], /^fit: data\.lengths\[2\] is 5; expected a whole number from 0 to T = 4$/)
  await refused([1, 2, 1, -1, 1], /lengths\[3\] is -1/)
  await refused([1, 2, 1, 1, 1.5], /lengths\[4\] is 1\.5/)
  await refused([1], /^fit: data\.lengths is given; the input has no time axis$/, rt.tensor([[1]]))
  assert.is(model.given.length, 0)
})

test('make a mask of ones up to each length and write nothing else', () => {
  for (const runtime of [rt, single]) {
    for (const [steps, batch] of [
      [1, 1],
      [4, 5],
      [7, 3],
    ] as const) {
      const lengths = Array.from({ length: batch }, (_, b) => (b * 3) % (steps + 1))
      const own = runtime.indices(lengths)
      for (const batchFirst of [false, true]) {
        const mask = runtime.tensor(new Float64Array(steps * batch + 1).fill(7))
        runtime.core.lengthMask(steps, batch, Number(batchFirst), own.address, mask.address)
        const expected = Array.from({ length: steps * batch }, (_, k) =>
          batchFirst
            ? Number(k % steps < lengths[Math.floor(k / steps)]!)
            : Number(Math.floor(k / batch) < lengths[k % batch]!),
        )
        assert.equal(numbers(mask), [...expected, 7])
      }
    }
  }
})
test.run()
