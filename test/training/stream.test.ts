import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type FitData,
  type FitOptions,
  type FitProgress,
  type FitSource,
  GRU,
  Linear,
  RetrogradError,
  SGD,
  Sequential,
  createRuntime,
  evaluate,
  fit,
  mseLoss,
} from '../../bindings/index.ts'
import { drawParameters, drawTensor } from '../support/nets.ts'

const rt = await createRuntime({ dtype: 'float64', seed: 7 })
const SIZES = [4, 1, 3]
const BATCHES: FitData[] = SIZES.map((n, i) => ({
  input: drawTensor(rt, i, 'x', [5, n, 2]),
  target: drawTensor(rt, i, 'y', [5, n, 1]),
}))

/** The same weights each time. */
function makeModel(): Sequential {
  const model = new Sequential(rt, [
    new GRU(rt, { inputSize: 2, hiddenSize: 3 }),
    new Linear(rt, { inFeatures: 3, outFeatures: 1 }),
  ])
  drawParameters(model, 3)
  return model
}

const optionsFor = (model: Sequential) => ({
  loss: mseLoss,
  optimizer: new SGD(model, { lr: 0.1, momentum: 0.9 }),
  epochs: 2,
})

async function* later(batches: FitData[]): AsyncGenerator<FitData> {
  for (const batch of batches) {
    await new Promise((resolve) => setTimeout(resolve, 0))
    yield batch
  }
}

/** The updates by hand: batches in their order, `accumulate` of them, or the last that are left, for one update by their mean over all elements. */
function byHand(accumulate: number) {
  const model = makeModel()
  const { optimizer, epochs } = optionsFor(model)
  const losses: number[] = []
  for (let epoch = 0; epoch < epochs; epoch++) {
    let [total, first, share] = [0, 0, 0]
    for (const [i, { input, target }] of BATCHES.entries()) {
      if (i % accumulate === 0) [first, share] = [SIZES[i]!, 0]
      if (i % accumulate === 0) model.zeroGrad()
      const { value, grad } = mseLoss(model.forward(input).output, target)
      const weight = SIZES[i]! / first
      share += weight
      grad.data.set(Array.from(grad.data, (g) => g * weight))
      model.backward({ output: grad })
      total += value * (5 * SIZES[i]!)
      if ((i + 1) % accumulate !== 0 && i + 1 < BATCHES.length) continue
      for (const { grad: own } of model.parameters()) own.data.set(Array.from(own.data, (g) => g * (1 / share)))
      optimizer.step()
    }
    losses.push(total / (5 * 8))
  }
  return { weights: model.stateDict(), losses }
}

const SOURCES: Record<string, FitSource> = {
  'an array': BATCHES,
  'an object with an async iterator': { [Symbol.asyncIterator]: () => later(BATCHES) },
  'a function that gives generators': () => BATCHES.values(),
  'a function that promises async generators': async () => later(BATCHES),
}

const test = suite('batches as they come')
for (const [title, source] of Object.entries(SOURCES)) {
  for (const accumulate of [1, 2]) {
    test(`${title}: the updates of a loop by hand, ${accumulate} batches each`, async () => {
      const model = makeModel()
      const result = await fit(model, source, { ...optionsFor(model), accumulate })
      const expected = byHand(accumulate)
      assert.equal(result.loss, expected.losses)
      assert.equal(model.stateDict(), expected.weights)
      assert.is(result.steps, 6)
    })
  }
}

test('a batch is asked for after the update with the one before, and may reuse its tensors', async () => {
  const model = makeModel()
  const input = BATCHES[0]!.input.clone()
  const target = BATCHES[0]!.target.clone()
  const seen: string[] = []
  function* reusing() {
    for (let i = 0; i < 3; i++) {
      seen.push(String(model.stateDict()['1.bias']!.data))
      input.data.set(drawTensor(rt, i, 'x', [5, 4, 2]).data)
      target.data.set(drawTensor(rt, i, 'y', [5, 4, 1]).data)
      yield { input, target }
    }
  }
  await fit(model, reusing, { ...optionsFor(model), epochs: 1 })
  const fresh = makeModel()
  const batches = [0, 1, 2].map((i) => ({
    input: drawTensor(rt, i, 'x', [5, 4, 2]),
    target: drawTensor(rt, i, 'y', [5, 4, 1]),
  }))
  await fit(fresh, batches, { ...optionsFor(fresh), epochs: 1 })
  assert.equal(model.stateDict(), fresh.stateDict())
  assert.is(new Set(seen).size, 3)
})

test('steps and time left are unknown until an epoch has told how many batches there are', async () => {
  const model = makeModel()
  const seen: FitProgress[] = []
  await fit(model, later.bind(null, BATCHES), { ...optionsFor(model), onProgress: (progress) => seen.push(progress) })
  assert.equal(
    seen.map(({ steps }) => steps),
    [undefined, undefined, 6, 6, 6, 6],
  )
  assert.equal(
    seen.map(({ secondsLeft }) => secondsLeft === undefined),
    [true, true, false, false, false, false],
  )
  assert.is(seen.at(-1)!.secondsLeft, 0)
  assert.equal(
    seen.map(({ position }) => [position.epoch, position.batch]),
    [
      [0, 1],
      [0, 2],
      [1, 0],
      [1, 1],
      [1, 2],
      [2, 0],
    ],
  )
})

test('a run goes on in the middle of an epoch, the batches before it left out', async () => {
  const model = makeModel()
  const options = optionsFor(model)
  const controller = new AbortController()
  let ended = 0
  async function* noting() {
    try {
      yield* later(BATCHES)
    } finally {
      ended++
    }
  }
  const onProgress = ({ step }: FitProgress) => step === 2 && controller.abort()
  await fit(model, noting, { ...options, signal: controller.signal, onProgress })
  assert.is(ended, 1)
  await fit(model, noting, { ...options, from: { epoch: 0, batch: 2 } })
  assert.equal(model.stateDict(), byHand(1).weights)
})

test('the step before a batch that is refused is reported, with a position to go on from', async () => {
  const model = makeModel()
  const positions: unknown[] = []
  const bad = { input: BATCHES[1]!.input, target: BATCHES[0]!.target }
  let error: unknown
  await fit(model, [BATCHES[0]!, bad], {
    ...optionsFor(model),
    onProgress: ({ position }) => void positions.push([position.epoch, position.batch]),
  }).catch((thrown: unknown) => (error = thrown))
  assert.match((error as Error).message, /^fit: batch 2 of epoch 1: /)
  assert.equal(positions, [[0, 1]])
})

test('evaluate and validation take them: the mean over all elements', async () => {
  const model = makeModel()
  const terms = BATCHES.map(({ input, target }) => mseLoss(model.forward(input).output, target).value * target.size)
  const expected = (terms[0]! + terms[1]! + terms[2]!) / 40
  for (const data of [...Object.values(SOURCES), later(BATCHES)])
    assert.is((await evaluate(model, data, { loss: mseLoss })).loss, expected)
  assert.is(model.training, true)
  const still = { loss: mseLoss, optimizer: new SGD(model, { lr: 0 }), epochs: 2 }
  const { validation } = await fit(model, BATCHES, { ...still, validation: () => later(BATCHES) })
  assert.equal(validation, [expected, expected])
})

const once = {
  iterator: later(BATCHES),
  [Symbol.asyncIterator]() {
    return this.iterator
  },
}
const [x, y] = [BATCHES[0]!.input, BATCHES[0]!.target]
const REFUSED: [string, unknown, Partial<FitOptions>, string, RegExp][] = [
  [
    'a generator for two epochs',
    later(BATCHES),
    {},
    'option',
    /^fit: data is an iterator, good for one epoch, and there are 2; pass an array/,
  ],
  ['an iterator of an array for two epochs', BATCHES.values(), {}, 'option', /^fit: data is an iterator, good for one/],
  [
    'an iterable that is used up',
    once,
    {},
    'shape',
    /^fit: data gave 0 batches in epoch 2; expected at least 1\. If it was used up before/,
  ],
  ['no batches', [], {}, 'shape', /^fit: data gave 0 batches in epoch 1; expected at least 1/],
  [
    'fewer batches than were seen',
    BATCHES,
    { from: { epoch: 0, batch: 4 } },
    'shape',
    /^fit: data gave 3 batches in epoch 1; expected at least 4/,
  ],
  [
    'a batch size',
    BATCHES,
    { batchSize: 4 },
    'option',
    /^fit: batchSize is given; expected none, for the iterable decides/,
  ],
  ['a seed', BATCHES, { seed: 4 }, 'option', /^fit: seed is given; expected none, for the iterable decides/],
  ['a function of something else', () => 3, {}, 'type', /^fit: data\(0\) is 3; expected an iterable of batches$/],
  [
    'a batch that is none',
    [BATCHES[0], 7],
    {},
    'type',
    /^fit: batch 2 of epoch 1: data is 7; expected \{ input, target \}$/,
  ],
  [
    'a batch with an unknown part',
    [{ input: x, target: y, labels: y }],
    {},
    'option',
    /^fit: batch 1 of epoch 1: data: unknown option 'labels'/,
  ],
  [
    'a batch whose samples do not match',
    [{ input: x, target: BATCHES[1]!.target }],
    {},
    'shape',
    /^fit: batch 1 of epoch 1: data\.target is \[5, 1, 1\]; expected 4 samples: \[5, 4, F\]/,
  ],
  [
    'lengths that do not fit',
    [{ input: x, target: y, lengths: [1, 2, 3, 9] }],
    {},
    'range',
    /^fit: batch 1 of epoch 1: data\.lengths\[3\] is 9/,
  ],
  [
    'a validation iterator for two epochs',
    BATCHES,
    { validation: later(BATCHES) },
    'option',
    /^fit: validation is an iterator, good for one epoch/,
  ],
  [
    'validation data that do not fit',
    BATCHES,
    { validation: { input: x, target: BATCHES[1]!.target } },
    'shape',
    /^fit: validation\.target is \[5, 1, 1\]; expected 4 samples/,
  ],
  ['no data', undefined, {}, 'type', /^fit: data is undefined; expected \{ input, target \}/],
  [
    'a position that is none',
    BATCHES,
    { from: { epoch: 0, batch: -1 } },
    'option',
    /^fit: from\.batch is -1; expected a whole number >= 0/,
  ],
]

for (const [title, data, more, code, message] of REFUSED) {
  test(`refused: ${title}`, async () => {
    const model = makeModel()
    let error: unknown
    await fit(model, data as FitSource, { ...optionsFor(model), ...more }).catch((thrown: unknown) => (error = thrown))
    assert.ok(error instanceof RetrogradError, `threw ${error}`)
    assert.match(error.message, message)
    assert.is(error.code, code)
    assert.is(model.training, true)
  })
}

test('evaluate refuses a batch size beside batches', async () => {
  let error: unknown
  await evaluate(makeModel(), BATCHES, { loss: mseLoss, batchSize: 3 }).catch((thrown: unknown) => (error = thrown))
  assert.match(String((error as Error).message), /^evaluate: batchSize is given; expected none/)
})
test.run()
