/** What may go on beside a running fit, and what ends it: evaluations, second fits, abort, data that go away. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type FitData,
  type FitOptions,
  type FitProgress,
  GRU,
  Linear,
  type RetrogradError,
  SGD,
  Sequential,
  createRuntime,
  evaluate,
  fit,
  mseLoss,
  predict,
} from '../../bindings/index.ts'
import { drawParameters, drawTensor } from '../support/nets.ts'
import { rejectionOf } from '../support/refusals.ts'

const rt = await createRuntime({ dtype: 'float64', seed: 5 })
const [T, N] = [4, 6]

function makeModel(): Sequential {
  const model = new Sequential(rt, [
    new GRU(rt, { inputSize: 1, hiddenSize: 2 }),
    new Linear(rt, { inFeatures: 2, outFeatures: 1 }),
  ])
  drawParameters(model, 2)
  return model
}

const makeData = (): FitData => ({
  input: drawTensor(rt, 1, 'x', [T, N, 1]),
  target: drawTensor(rt, 2, 'y', [T, N, 1]),
})

const optionsFor = (model: Sequential, more: Partial<FitOptions> = {}): FitOptions => ({
  loss: mseLoss,
  optimizer: new SGD(model, { lr: 0.1 }),
  batchSize: 2,
  ...more,
})

const later = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** The weights of a run that nothing disturbs. */
async function undisturbed(epochs: number) {
  const model = makeModel()
  await fit(model, makeData(), optionsFor(model, { epochs }))
  return model.stateDict()
}

const beside = suite('beside a running fit')

beside('a second one is refused, on the model, a part of it, or what it is a part of; the first goes on', async () => {
  const model = makeModel()
  const around = new Sequential(rt, [model])
  const [gru] = model.children() as unknown as [GRU]
  const running = fit(model, makeData(), optionsFor(model, { epochs: 2 }))
  for (const other of [model, around, gru]) {
    const before = other.stateDict()
    const { code, message } = await rejectionOf(fit(other, makeData(), optionsFor(other as Sequential)))
    assert.is(code, 'busy')
    assert.match(
      message,
      /^fit: the model, or a part of it, is being trained by another fit; await that one, or abort it$/,
    )
    assert.equal(Object.keys(before), Object.keys(other.stateDict()))
  }
  await running
  assert.equal(model.stateDict(), await undisturbed(2))
  await fit(model, makeData(), optionsFor(model)) // is let go
})

beside('a model is let go where fit fails or is refused', async () => {
  const model = makeModel()
  const { input } = makeData()
  await rejectionOf(fit(model, { input, target: drawTensor(rt, 1, 'y', [T, 3, 1]) }, optionsFor(model)))
  await rejectionOf(fit(model, { input, target: drawTensor(rt, 1, 'y', [T, N, 2]) }, optionsFor(model)))
  await fit(model, makeData(), optionsFor(model))
})

beside('an evaluation is refused, and fit goes on to the bits of an undisturbed run', async () => {
  const model = makeModel()
  const running = fit(model, makeData(), optionsFor(model, { epochs: 3 }))
  const { code, message } = await rejectionOf(evaluate(model, makeData(), { loss: mseLoss }))
  assert.is(code, 'busy')
  assert.match(
    message,
    /^evaluate: the model, .* is being trained by fit; await it inside onProgress, or when fit is done$/,
  )
  await running
  assert.equal(model.stateDict(), await undisturbed(3))
})

beside('an evaluation that onProgress awaits is right, and changes nothing', async () => {
  const model = makeModel()
  const data = makeData()
  const seen: number[] = []
  const onProgress = async () => void seen.push((await evaluate(model, data, { loss: mseLoss, batchSize: 1 })).loss)
  await fit(model, data, optionsFor(model, { epochs: 2, onProgress }))
  assert.equal(model.stateDict(), await undisturbed(2))
  assert.is(seen.length, 6)
  const now = (await evaluate(model, data, { loss: mseLoss, batchSize: 1 })).loss
  assert.is(seen.at(-1), now)
  assert.is.not(seen[0], now)
})

beside('an evaluation that onProgress does not await is refused at its next batch; fit goes on', async () => {
  for (const source of [() => Array.from({ length: 20 }, makeData), async () => Array.from({ length: 20 }, makeData)]) {
    const model = makeModel()
    let refused: Promise<RetrogradError> | undefined
    const onProgress = ({ step }: FitProgress) => {
      if (step === 2) refused = rejectionOf(evaluate(model, source, { loss: mseLoss }))
    }
    await fit(model, makeData(), optionsFor(model, { epochs: 3, onProgress }))
    assert.is((await refused!).code, 'busy')
    assert.equal(model.stateDict(), await undisturbed(3))
  }
})

beside('an evaluation that waits for its data while fit begins is refused, too', async () => {
  const model = makeModel()
  const slow = async function* () {
    yield makeData()
    await later(5)
    yield makeData()
  }
  const refused = rejectionOf(evaluate(model, slow, { loss: mseLoss }))
  await later(0)
  const onProgress = () => later(4)
  await fit(model, makeData(), optionsFor(model, { epochs: 3, onProgress }))
  assert.is((await refused).code, 'busy')
  assert.equal(model.stateDict(), await undisturbed(3))
})

beside(
  'an evaluation that waits for its data while a whole fit goes by is refused; one that outlives an aborted fit is not',
  async () => {
    const model = makeModel()
    let open: () => void = () => {}
    const gate = new Promise<void>((resolve) => (open = resolve))
    const refused = rejectionOf(
      evaluate(
        model,
        async function* () {
          yield makeData()
          await gate
          yield makeData()
        },
        { loss: mseLoss },
      ),
    )
    await later(0)
    await fit(model, makeData(), optionsFor(model))
    open()
    assert.match((await refused).message, /^evaluate: the model was trained by fit since this began/)
    const controller = new AbortController()
    let outliving: Promise<{ loss: number }> | undefined
    const onProgress = () => {
      outliving = evaluate(
        model,
        async function* () {
          yield makeData()
          await later(5)
          yield makeData()
        },
        { loss: mseLoss },
      )
      setTimeout(() => controller.abort(), 1)
      return outliving
    }
    await fit(model, makeData(), optionsFor(model, { signal: controller.signal, onProgress }))
    assert.ok(Number.isFinite((await outliving!).loss))
  },
)

beside('predict may be called in between', async () => {
  const model = makeModel()
  const data = makeData()
  const onProgress = () => predict(model, data.input).dispose()
  await fit(model, data, optionsFor(model, { epochs: 2, onProgress }))
  assert.equal(model.stateDict(), await undisturbed(2))
})

beside('two evaluations do not disturb each other, and leave every module its mode', async () => {
  const model = makeModel()
  const [, linear] = model.children() as unknown as [GRU, Linear]
  linear.eval()
  const data = makeData()
  const one = (await evaluate(model, data, { loss: mseLoss, batchSize: 2 })).loss
  const both = await Promise.all([2, 2].map((batchSize) => evaluate(model, data, { loss: mseLoss, batchSize })))
  assert.equal(
    both.map(({ loss }) => loss),
    [one, one],
  )
  assert.equal([model.training, linear.training], [true, false])
})

beside.run()

const aborted = suite('abort')

aborted('ends a wait for data at once, tells the source, and says so', async () => {
  const model = makeModel()
  const controller = new AbortController()
  let asked = 0
  let ended = 0
  const source = {
    [Symbol.asyncIterator]: () => ({
      next: () => (++asked === 1 ? Promise.resolve({ done: false, value: makeData() }) : new Promise<never>(() => {})),
      return: async () => ({ done: true as const, value: (ended++, undefined) }),
    }),
  }
  const seen: number[] = []
  const onProgress = ({ step }: FitProgress) => seen.push(step)
  const run = fit(model, source, {
    ...optionsFor(model, { onProgress, signal: controller.signal }),
    batchSize: undefined as never,
  })
  await later(10)
  controller.abort()
  const result = await run
  assert.equal([result.aborted, result.steps, result.loss], [true, 1, []])
  assert.equal([asked, ended, seen], [2, 1, [1]])
  assert.is(model.training, true)
})

aborted('ends a wait for the iterable itself, for validation data, and for onProgress', async () => {
  const never = () => new Promise<never>(() => {})
  const waits: [Partial<FitOptions>, unknown][] = [
    [{}, never],
    [{ validation: { [Symbol.asyncIterator]: () => ({ next: never }) } }, () => [makeData()]],
    [{ onProgress: never }, () => [makeData(), makeData()]],
  ]
  for (const [more, source] of waits) {
    const model = makeModel()
    const controller = new AbortController()
    const options = { ...optionsFor(model), ...more, signal: controller.signal, batchSize: undefined as never }
    const run = fit(model, source as () => FitData[], options)
    await later(5)
    controller.abort()
    assert.is((await run).aborted, true)
    await fit(model, makeData(), optionsFor(model)) // is let go
  }
})

aborted('before the start, and in onProgress: nothing more is done; at the end it is none', async () => {
  const start = makeModel()
  const before = start.stateDict()
  const none = await fit(start, makeData(), optionsFor(start, { signal: AbortSignal.abort() }))
  assert.equal([none.aborted, none.steps], [true, 0])
  assert.equal(start.stateDict(), before)
  const middle = makeModel()
  const controller = new AbortController()
  const onProgress = ({ step }: FitProgress) => step === 2 && controller.abort()
  const two = await fit(middle, makeData(), optionsFor(middle, { signal: controller.signal, onProgress }))
  assert.equal([two.aborted, two.steps], [true, 2])
  const whole = makeModel()
  const last = new AbortController()
  const options = optionsFor(whole, { signal: last.signal, onProgress: ({ step }) => step === 3 && last.abort() })
  const all = await fit(whole, makeData(), options)
  assert.equal([all.aborted, all.steps, all.loss.length], [false, 3, 1])
  assert.is((await fit(whole, makeData(), optionsFor(whole))).aborted, false)
})

aborted('ends the wait for a promise among the batches, and tells the source', async () => {
  const model = makeModel()
  const controller = new AbortController()
  let ended = 0
  const source = {
    *[Symbol.iterator]() {
      try {
        yield makeData()
        yield new Promise<never>(() => {}) as never as FitData
      } finally {
        ended++
      }
    },
  }
  const run = fit(model, source, { ...optionsFor(model, { signal: controller.signal }), batchSize: undefined as never })
  await later(5)
  controller.abort()
  assert.is((await run).aborted, true)
  assert.is(ended, 1)
})

aborted('in validation gives lists without that epoch', async () => {
  const model = makeModel()
  const controller = new AbortController()
  const validation = {
    [Symbol.asyncIterator]: () => ({ next: () => (controller.abort(), new Promise<never>(() => {})) }),
  }
  const options = optionsFor(model, { signal: controller.signal, validation, metrics: ['mae'] })
  const { loss, validation: measured, metrics } = await fit(model, makeData(), options)
  assert.equal([loss, measured, metrics], [[], [], { mae: [] }])
})

aborted('leaves no listener behind', async () => {
  const listeners = new Set<unknown>()
  const signal = {
    aborted: false,
    addEventListener: (_type: 'abort', listener: () => void) => void listeners.add(listener),
    removeEventListener: (_type: 'abort', listener: () => void) => void listeners.delete(listener),
  }
  const model = makeModel()
  const counts: number[] = []
  await fit(model, makeData(), optionsFor(model, { signal, onProgress: () => counts.push(listeners.size) }))
  assert.equal(counts, [1, 1, 1])
  const running = fit(model, makeData(), optionsFor(model))
  await rejectionOf(fit(model, makeData(), optionsFor(model, { signal })))
  await running
  assert.is(listeners.size, 0)
})

aborted('an error that the data throw is still thrown', async () => {
  const model = makeModel()
  const broken = async function* () {
    yield makeData()
    throw new TypeError('the socket broke')
  }
  const options = { ...optionsFor(model, { signal: new AbortController().signal }), batchSize: undefined as never }
  let error: unknown
  await fit(model, broken(), options).catch((thrown: unknown) => (error = thrown))
  assert.is((error as Error).message, 'the socket broke')
})

aborted.run()

const gone = suite('data that are disposed of while fit runs')

for (const name of ['input', 'target', 'mask', 'weight'] as const) {
  for (const [which, open] of Object.entries({
    data: (data: FitData) => [data, {}] as const,
    validation: (data: FitData) => [makeData(), { validation: data }] as const,
  })) {
    for (const truncation of [undefined, { window: 2 }]) {
      gone(`${which}.${name}${truncation ? ', in blocks' : ''}: refused by name, and weights stay finite`, async () => {
        const model = makeModel()
        const data = { ...makeData(), mask: drawMask(), weight: drawMask() }
        const [training, more] = open(data)
        const onProgress = ({ step }: FitProgress) => {
          if (step !== 2) return
          data[name].dispose()
          drawTensor(rt, 9, 'z', [T, N, 1], 1e6) // lies where it lay
        }
        const options = optionsFor(model, { ...more, onProgress, epochs: 2, ...(truncation && { truncation }) })
        const { code, message } = await rejectionOf(fit(model, training, options))
        assert.is(code, 'disposed')
        assert.match(message, new RegExp(`^fit: ${which}\\.${name} was disposed of`))
        for (const { data: values } of Object.values(model.stateDict()))
          assert.ok(Array.from(values).every((w) => Math.abs(w) < 10))
      })
    }
  }
}

gone('a tensor that is put in the place of another one is not looked at', async () => {
  const model = makeModel()
  const data = makeData()
  const onProgress = () => void (data.target = rt.tensor([5, 5], [2, 1]))
  await fit(model, data, optionsFor(model, { onProgress, epochs: 2 }))
  assert.equal(model.stateDict(), await undisturbed(2))
})

const drawMask = () => rt.tensor(new Float64Array(T * N).fill(0.5), [T, N])

gone('and of an evaluation', async () => {
  const model = makeModel()
  const data = makeData()
  const loss: typeof mseLoss = (...given) => {
    data.target.dispose()
    return mseLoss(...given)
  }
  const { code, message } = await rejectionOf(evaluate(model, data, { loss, batchSize: 2 }))
  assert.is(code, 'disposed')
  assert.match(message, /^evaluate: data\.target was disposed of/)
})

gone.run()
