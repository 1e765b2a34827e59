/** Files that are no checkpoint of this run: either all is restored, or nothing changes. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  Adam,
  type FitPosition,
  GRU,
  Linear,
  ReduceLROnPlateau,
  RetrogradError,
  SGD,
  Sequential,
  createRuntime,
  fit,
  mseLoss,
  readCheckpoint,
  writeCheckpoint,
} from '../../bindings/index.ts'
import { readSafetensors, writeSafetensors } from '../../bindings/io.ts'
import { drawTensor } from '../support/nets.ts'
import { any, refusal } from '../support/refusals.ts'

const rt = await createRuntime({ variant: 'simd', seed: 3 })

function make() {
  const gru = new GRU(rt, { inputSize: 2, hiddenSize: 3, numLayers: 2, dropout: 0.2 })
  const model = new Sequential(rt, [gru, new Linear(rt, { inFeatures: 3, outFeatures: 1 })])
  const optimizer = new Adam(model, { lr: 0.02 })
  return { model, optimizer, schedule: new ReduceLROnPlateau(optimizer, { patience: 1 }) }
}
type Parts = ReturnType<typeof make>

const stateOf = ({ model, optimizer, schedule }: Parts): string =>
  JSON.stringify([
    model.stateDict(),
    optimizer.stateDict(),
    optimizer.lr,
    schedule.stateDict(),
    model.descendants().map((module) => module.callCount),
  ])

/** A run in the middle of its second epoch, and its checkpoint. */
async function train(): Promise<{ run: Parts; bytes: Uint8Array; position: FitPosition }> {
  const run = make()
  const samples = (seed: number) => ({
    input: drawTensor(rt, seed, 'x', [4, 6, 2]),
    target: drawTensor(rt, seed, 'y', [4, 6, 1]),
  })
  const signal = { aborted: false }
  let position: FitPosition = { epoch: 0, batch: 0 }
  const { model, ...parts } = run
  await fit(model, samples(1), {
    ...parts,
    loss: mseLoss,
    epochs: 3,
    batchSize: 2,
    validation: samples(2),
    patience: 2,
    signal,
    onProgress: (progress) => {
      position = progress.position
      signal.aborted = progress.step === 4
    },
  })
  return { run, bytes: writeCheckpoint({ ...run, position }), position }
}
const { run, bytes, position } = await train()
const whole = stateOf(run)

type File = ReturnType<typeof readSafetensors>
const edited = (change: (file: File) => File): Uint8Array => {
  const { tensors, metadata } = change(readSafetensors(bytes))
  return writeSafetensors(tensors, metadata)
}

/** Reads a file into a fresh run: it is refused and nothing has changed, or everything is what it was, or (`same` false) as the file says. */
function judge(file: Uint8Array, what: string): 'refused' | 'taken' {
  const parts = make()
  const before = stateOf(parts)
  try {
    readCheckpoint(file, parts)
  } catch (error) {
    assert.ok(error instanceof RetrogradError, `${what}: ${error}`)
    assert.ok(['file', 'state-dict'].includes(error.code), `${what}: ${error.code}`)
    assert.is(stateOf(parts), before, what)
    return 'refused'
  }
  assert.is(stateOf(parts), whole, what)
  return 'taken'
}

const WORDS = [
  '',
  ' ',
  '0x10',
  '1e999',
  '-1',
  'NaN',
  'null',
  '[]',
  '{}',
  '1',
  '"a"',
  'Infinity',
  '{"epoch":-1,"batch":0}',
]

const files = suite('a checkpoint')
files('is taken whole as it was written', () => {
  assert.is(judge(bytes, 'unchanged'), 'taken')
  const parts = make()
  assert.equal(JSON.parse(JSON.stringify(readCheckpoint(bytes, parts).position)), JSON.parse(JSON.stringify(position)))
})

for (const field of ['format', 'dtype', 'variant', 'seed', 'lr', 'position', 'schedule']) {
  files(`whose ${field} is left out or is something else is refused, and nothing changes`, () => {
    const without = ({ tensors, metadata }: File) => {
      const kept = Object.entries(metadata).filter(([name]) => name !== field)
      return { tensors, metadata: Object.fromEntries(kept) }
    }
    assert.is(judge(edited(without), 'left out'), 'refused')
    for (const word of WORDS) {
      if (field === 'lr' && word === '1') continue
      const file = edited(({ tensors, metadata }) => ({ tensors, metadata: { ...metadata, [field]: word } }))
      assert.is(judge(file, word), 'refused', `${field}: ${word}`)
    }
  })
}

files('with more metadata or tensors than there are is refused', () => {
  const shape = [1]
  const data = new Float32Array(1)
  assert.is(
    judge(
      edited(({ tensors, metadata }) => ({ tensors, metadata: { ...metadata, more: '1' } })),
      'more',
    ),
    'refused',
  )
  for (const name of ['more', 'model.more', 'optimizer.more', 'best.more', 'random.more'])
    assert.is(
      judge(
        edited(({ tensors, metadata }) => ({ tensors: { ...tensors, [name]: { shape, data } }, metadata })),
        name,
      ),
      'refused',
    )
})

/** Every way to spoil one leaf of a JSON object, or to leave it out. */
function* spoilt(value: unknown, put: (value: unknown) => unknown): Generator<[what: string, whole: unknown]> {
  for (const stray of [null, 'a', -1, 0.5, true, [], [1], {}, { a: 1 }]) {
    if (JSON.stringify(stray) !== JSON.stringify(value))
      yield [`${JSON.stringify(value)} as ${JSON.stringify(stray)}`, put(stray)]
  }
  if (value === null || typeof value !== 'object') return
  for (const [name, part] of Object.entries(value)) yield* spoilt(part, (other) => put({ ...value, [name]: other }))
  yield ['one name more', put({ ...value, more: 1 })]
}

for (const field of ['position', 'schedule'] as const) {
  files(`with one value of its ${field} spoilt is refused, unless that is one that it may have`, () => {
    const text = readSafetensors(bytes).metadata[field]!
    let refused = 0
    for (const [what, other] of spoilt(JSON.parse(text), (value) => value)) {
      const file = edited(({ tensors, metadata }) => ({
        tensors,
        metadata: { ...metadata, [field]: JSON.stringify(other) },
      }))
      const parts = make()
      const before = stateOf(parts)
      try {
        readCheckpoint(file, parts)
      } catch (error) {
        assert.ok(error instanceof RetrogradError && ['file', 'state-dict'].includes(error.code), `${what}: ${error}`)
        assert.is(stateOf(parts), before, what)
        refused++
        continue
      }
      // taken: a number in place of a number (rates, losses and sums may be any), or sums left out
      assert.ok(/as (-1|0\.5|\{\})$/.test(what), `${what} was taken`)
    }
    assert.ok(refused > 20, `${refused} refused`)
  })
}

for (const name of Object.keys(readSafetensors(bytes).tensors)) {
  files(`whose tensor ${name} is missing, of another shape, or of another type is refused, and nothing changes`, () => {
    const put = (change: (tensor: File['tensors'][string]) => object | undefined) =>
      edited(({ tensors: { [name]: own, ...tensors }, metadata }) => {
        const changed = change(own!)
        return { tensors: any({ ...tensors, ...(changed && { [name]: changed }) }), metadata }
      })
    assert.is(
      judge(
        put(() => undefined),
        'missing',
      ),
      'refused',
    )
    assert.is(
      judge(
        put(({ data, shape }) => ({ data, shape: [...shape, 1] })),
        'shape',
      ),
      'refused',
    )
    assert.is(
      judge(
        put(({ data }) => ({ data: (data as Float32Array).slice(1), shape: [data.length - 1] })),
        'shorter',
      ),
      'refused',
    )
    for (const Kind of [Int32Array, Uint8Array, Float64Array, Float32Array, BigInt64Array]) {
      const isOwn = ({ data }: File['tensors'][string]) => data instanceof Kind
      const file = put((tensor) =>
        isOwn(tensor) ? tensor : { shape: tensor.shape, data: new Kind(tensor.data.length) },
      )
      assert.is(judge(file, Kind.name), isOwn(readSafetensors(bytes).tensors[name]!) ? 'taken' : 'refused', Kind.name)
    }
  })
}

files('with counts that cannot be is refused', () => {
  for (const name of ['random.calls', 'optimizer.counters'])
    for (const stray of [-1, 0.5, Number.NaN, Infinity]) {
      const file = edited(({ tensors, metadata }) => {
        const { shape, data } = tensors[name]!
        const spoiltData = Float64Array.from(data as Float64Array)
        spoiltData[0] = stray
        return { tensors: { ...tensors, [name]: { shape, data: spoiltData } }, metadata }
      })
      assert.is(judge(file, `${name} ${stray}`), 'refused')
    }
})

files('of which bytes are cut off is refused, wherever', () => {
  for (let length = 0; length < bytes.length; length += 97)
    assert.is(judge(bytes.slice(0, length), `${length}`), 'refused')
})
files.run()

const belonging = suite('another model')
const STRANGERS: readonly [string, () => Parts][] = [
  ['optimiser', () => ({ ...make(), ...(({ optimizer, schedule }) => ({ optimizer, schedule }))(make()) })],
  ['schedule', () => ({ ...make(), schedule: make().schedule })],
  [
    'part in an optimiser',
    () => {
      const parts = make()
      const optimizer = new Adam([parts.model, make().model])
      return { ...parts, optimizer, schedule: new ReduceLROnPlateau(optimizer) }
    },
  ],
]
for (const [what, strange] of STRANGERS) {
  belonging(`'s ${what} is refused by fit and by checkpoints, and nothing changes`, async () => {
    const parts = strange()
    const before = stateOf(parts)
    const { model, ...others } = parts
    const data = { input: drawTensor(rt, 1, 'x', [4, 2, 2]), target: drawTensor(rt, 1, 'y', [4, 2, 1]) }
    const error: unknown = await fit(model, data, { ...others, loss: mseLoss }).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    assert.ok(error instanceof RetrogradError && error.code === 'option', `${error}`)
    assert.is(refusal(() => writeCheckpoint(parts)).code, 'option')
    assert.is(refusal(() => readCheckpoint(bytes, parts)).code, 'option')
    assert.is(stateOf(parts), before)
  })
}

belonging("'s absence: an optimiser of a part of the model trains that part", async () => {
  const { model } = make()
  const head = model.children()[1]!
  const before = model.stateDict()
  const data = { input: drawTensor(rt, 1, 'x', [4, 2, 2]), target: drawTensor(rt, 1, 'y', [4, 2, 1]) }
  await fit(model, data, { loss: mseLoss, optimizer: new SGD(head, { lr: 0.1 }) })
  const after = model.stateDict()
  for (const name of Object.keys(before))
    assert.is(`${after[name]!.data}` === `${before[name]!.data}`, name.startsWith('0.'), name)
})
belonging.run()

const positions = suite('writeCheckpoint')
const BAD: readonly unknown[] = [
  null,
  [],
  'start',
  1,
  {},
  { epoch: 0 },
  { epoch: -1, batch: 0 },
  { epoch: 0, batch: 0.5 },
  { epoch: 0, batch: 0, block: null },
  { epoch: 0, batch: 0, more: 1 },
  { epoch: 0, batch: 0, sums: null },
  { epoch: 0, batch: 0, sums: { loss: 1 } },
  { epoch: 0, batch: 0, stopping: null },
  { epoch: 0, batch: 0, stopping: { waited: -1 } },
  { epoch: 0, batch: 0, stopping: { waited: 1, best: null } },
  { epoch: 0, batch: 0, stopping: { waited: 1, best: { epoch: 1, loss: Number.NaN, weights: {} } } },
  { epoch: 0, batch: 0, stopping: { waited: 1, best: { epoch: 1, loss: 1, weights: null } } },
]
for (const bad of BAD) {
  positions(`refuses ${JSON.stringify(bad)} for a position, as fit does`, async () => {
    const parts = make()
    assert.ok(refusal(() => writeCheckpoint({ ...parts, position: any(bad) })))
    const { model, ...others } = parts
    const data = { input: drawTensor(rt, 1, 'x', [4, 2, 2]), target: drawTensor(rt, 1, 'y', [4, 2, 1]) }
    const error: unknown = await fit(model, data, { ...others, loss: mseLoss, from: any(bad) }).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    assert.ok(error instanceof RetrogradError, `${error}`)
  })
}
positions.run()
