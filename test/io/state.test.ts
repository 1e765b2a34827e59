import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  GRU,
  LSTM,
  LayerNorm,
  Linear,
  type Module,
  PositionalEmbedding,
  RetrogradError,
  type Runtime,
  Sequential,
  type State,
  createRuntime,
} from '../../bindings/index.ts'
import { readSafetensors, readState, writeSafetensors, writeState } from '../../bindings/io.ts'
import { drawParameters, drawTensor, numbers } from '../support/nets.ts'

const rt = await createRuntime({ variant: 'simd' })
const [T, B, I] = [9, 3, 2]
const STOP = 4

const MODELS: Record<string, (rt: Runtime) => Module> = {
  'an LSTM of two layers': (rt) => new LSTM(rt, { inputSize: I, hiddenSize: 5, numLayers: 2 }),
  'a GRU with skips': (rt) => new GRU(rt, { inputSize: I, hiddenSize: 5, skips: [2, 4] }),
  'a Sequential with layers between that have no state': (rt) =>
    new Sequential(rt, [
      new LayerNorm(rt, { normalizedShape: I }),
      new LSTM(rt, { inputSize: I, hiddenSize: 5 }),
      new LayerNorm(rt, { normalizedShape: 5 }),
      new GRU(rt, { inputSize: 5, hiddenSize: 3 }),
    ]),
  'a positional embedding': (rt) =>
    new Sequential(rt, [
      new PositionalEmbedding(rt, { maxLength: T, embeddingDim: I }),
      new LSTM(rt, { inputSize: I, hiddenSize: 5 }),
    ]),
  'a Sequential in a Sequential': (rt) =>
    new Sequential(rt, [
      new Linear(rt, { inFeatures: I, outFeatures: 4 }),
      new Sequential(rt, [
        new LayerNorm(rt, { normalizedShape: 4 }),
        new GRU(rt, { inputSize: 4, hiddenSize: 4, skips: [3] }),
        new Linear(rt, { inFeatures: 4, outFeatures: 4 }),
      ]),
      new LSTM(rt, { inputSize: 4, hiddenSize: 2 }),
    ]),
}

/** The same weights in every runtime. */
function makeModel(rt: Runtime, name: string): Module {
  const model = MODELS[name]!(rt)
  drawParameters(model, 5)
  return model
}

function stepOn(model: Module, state: State, from: number, to: number): number[][] {
  return Array.from({ length: to - from }, (_, i) =>
    numbers(model.step(drawTensor(model.runtime, from + i, 'x', [B, I]), state).output),
  )
}

/** Paths of tensors, and where there are none. */
function formOf(state: State | undefined): unknown {
  if (state === undefined) return null
  if (Array.isArray(state)) return state.map(formOf)
  return Object.fromEntries(Object.entries(state).map(([name, { shape }]) => [name, shape]))
}

const move = suite('a stream that moves to another runtime')
for (const name of Object.keys(MODELS)) {
  for (const options of [{ variant: 'simd' }, { dtype: 'float64' }] as const) {
    move(`goes on to the bit: ${name}, ${JSON.stringify(options)}`, async () => {
      const here = await createRuntime({ ...options, seed: 1 })
      const there = await createRuntime({ ...options, seed: 2 })
      const model = makeModel(here, name)
      const whole = stepOn(model, model.initialState(B)!, 0, T)
      const state = model.initialState(B)!
      assert.equal(stepOn(model, state, 0, STOP), whole.slice(0, STOP))
      const bytes = writeState(state)
      const moved = readState(there, bytes)
      assert.equal(formOf(moved), formOf(state))
      assert.equal(writeState(moved), bytes)
      assert.equal(stepOn(makeModel(there, name), moved, STOP, T), whole.slice(STOP))
    })
  }

  move(`starts where a forward ended: ${name}`, async () => {
    const rt = await createRuntime({ variant: 'simd' })
    const model = makeModel(rt, name).eval()
    const input = (from: number, to: number) =>
      rt.tensor(Array.from({ length: to - from }, (_, i) => numbers(drawTensor(rt, from + i, 'x', [B, I]))).flat(), [
        to - from,
        B,
        I,
      ])
    const whole = numbers(model.forward(input(0, T)).output)
    const bytes = writeState(model.forward(input(0, STOP)).state!)
    const { output } = model.forward(input(STOP, T), { state: readState(rt, bytes) })
    assert.equal(numbers(output), whole.slice(-output.size))
  })
}

move('between simd and relaxed (where the host has it) within rounding', async () => {
  const strict = await createRuntime({ variant: 'simd' })
  const auto = await createRuntime()
  const model = makeModel(strict, 'an LSTM of two layers')
  const state = model.initialState(B)!
  stepOn(model, state, 0, STOP)
  const moved = readState(auto, writeState(state))
  const expected = stepOn(model, state, STOP, T)
  const result = stepOn(makeModel(auto, 'an LSTM of two layers'), moved, STOP, T)
  // T - STOP steps of two layers, sums of up to 11 terms of magnitude 1: 100 roundings in each, none amplified (|w| < 0.6)
  for (const [t, row] of expected.entries())
    for (const [i, value] of row.entries()) assert.ok(Math.abs(value - result[t]![i]!) < 2 * 5 * 100 * 2 ** -24)
})
move.run()

const tensors = { h: { shape: [2], data: Float32Array.of(1, 2) } }
const own = { format: 'retrograd-state-1', dtype: 'float32', variant: 'simd' }

const form = suite('the bytes of a state')
form('are safetensors: paths as names, lengths of lists in the metadata', () => {
  const model = makeModel(rt, 'a Sequential in a Sequential')
  const { tensors: written, metadata } = readSafetensors(writeState(model.initialState(B)!))
  assert.equal(Object.keys(written).toSorted(), ['1.1.h', '1.1.past', '2.c', '2.h'])
  const { lists, ...rest } = metadata
  assert.equal(rest, own)
  assert.equal(JSON.parse(lists!), { '': 3, 1: 3 })
  assert.equal(readSafetensors(writeState({ h: rt.tensor([1, 2]) })), { tensors, metadata: own })
})

form('keep every bit, NaN and subnormal numbers too', () => {
  const given = Float32Array.of(-0, 1e-45, Number.NaN, Number.NEGATIVE_INFINITY)
  const state = readState(rt, writeState({ h: rt.tensor(given) })) as unknown as { h: { data: Float32Array } }
  assert.equal(new Uint32Array(state.h.data.slice().buffer), new Uint32Array(given.buffer))
})

const REFUSED: [string, Parameters<typeof writeSafetensors>[0], Record<string, string>, RegExp][] = [
  ['of no format', tensors, {}, /^readState: format is undefined; expected 'retrograd-state-1'$/],
  ['of a checkpoint', tensors, { ...own, format: 'retrograd-checkpoint-1' }, /format is 'retrograd-checkpoint-1'/],
  ['of another dtype', tensors, { ...own, dtype: 'float64' }, /of dtype 'float64'; this runtime's is 'float32'$/],
  [
    'that lie about their dtype',
    { h: { shape: [1], data: Float64Array.of(1) } },
    own,
    /'h' holds elements that are not/,
  ],
  ['without tensors', {}, own, /there is no tensor/],
  ['with a list of no length', tensors, { ...own, lists: '{"":"2"}' }, /the list '' has the length '2'/],
  ['with a list of a negative length', tensors, { ...own, lists: '{"":-1}' }, /the list '' has the length -1/],
  [
    'with an endless list',
    { '0.h': tensors.h },
    { ...own, lists: '{"":1e9}' },
    /1000000000 entries; expected at most 65536/,
  ],
  ['with lists that are none', tensors, { ...own, lists: '[3]' }, /'lists' is no JSON object/],
  ['with lists that are no JSON', tensors, { ...own, lists: '{' }, /'lists' is no JSON object/],
  ['with a list in no list', tensors, { ...own, lists: '{"1":2}' }, /the list '1' is no entry of another list/],
  ['with a list beyond its list', tensors, { ...own, lists: '{"":1,"1":2}' }, /the list '1' is no entry/],
  ['with a tensor in no entry', tensors, { ...own, lists: '{"":1}' }, /'h' names no tensor of the state/],
  ['with a tensor beyond its list', { '1.h': tensors.h }, { ...own, lists: '{"":1}' }, /'1\.h' names no tensor/],
  ['with a tensor among entries', { '1.h': tensors.h }, { ...own, lists: '{"":2,"1":1}' }, /'1\.h' names no tensor/],
  ['with an index that is none', { '01.h': tensors.h }, { ...own, lists: '{"":2}' }, /'01\.h' names no tensor/],
  ['with a tensor of no name', { '': tensors.h }, own, /'' names no tensor/],
]

for (const [title, dict, metadata, message] of REFUSED) {
  form(`are refused: ${title}`, () => {
    const used = rt.memoryUsed
    refuses(() => readState(rt, writeSafetensors(dict, metadata)), message)
    assert.is(rt.memoryUsed, used)
  })
}

function refuses(attempt: () => unknown, message: RegExp, code = 'file'): void {
  let error: unknown
  try {
    attempt()
  } catch (thrown) {
    error = thrown
  }
  assert.ok(error instanceof RetrogradError, `threw ${error}`)
  assert.match(error.message, message)
  assert.is(error.code, code)
}

form('are refused: cut off at any place', () => {
  const bytes = writeState(makeModel(rt, 'a Sequential in a Sequential').initialState(1)!)
  for (let length = 0; length < bytes.length; length++)
    refuses(() => readState(rt, bytes.subarray(0, length)), /readSafetensors/)
})

form('with any one byte changed: a state or a refusal, nothing else', () => {
  const bytes = writeState(makeModel(rt, 'a Sequential in a Sequential').initialState(1)!)
  for (let i = 0; i < bytes.length; i++) {
    for (const flip of [1, 32, 128]) {
      const changed = bytes.slice()
      changed[i]! ^= flip
      try {
        readState(rt, changed)
      } catch (error) {
        assert.ok(error instanceof RetrogradError, `byte ${i}: ${error}`)
      }
    }
  }
})

/** A state in so many lists within each other. */
const within = (depth: number): State => (depth === 0 ? { h: rt.tensor([1, 2]) } : [within(depth - 1)])

form('32 lists within each other come back; more are refused by either side, as is a list that holds itself', () => {
  let state = readState(rt, writeState(within(32)))
  for (let depth = 0; depth < 32; depth++) state = (state as State[])[0]!
  assert.equal([...(state as unknown as { h: { data: Float32Array } }).h.data], [1, 2])
  const endless: State = []
  endless.push(endless)
  for (const deep of [within(33), within(500), endless])
    refuses(() => writeState(deep), /^writeState: state has lists within each other deeper than 32 levels/, 'type')
  for (const depth of [33, 3000]) {
    const paths = Array.from({ length: depth }, (_, level) => [Array(level).fill('0').join('.'), 1])
    const dict = { [`${Array(depth).fill('0').join('.')}.h`]: tensors.h }
    const used = rt.memoryUsed
    const bytes = writeSafetensors(dict, { ...own, lists: JSON.stringify(Object.fromEntries(paths)) })
    refuses(() => readState(rt, bytes), /lies deeper than 32 levels/)
    assert.is(rt.memoryUsed, used)
  }
})

form('whose lists are named twice, or nested without end, are refused', () => {
  for (const lists of ['{"":1,"":2}', `{"":${'['.repeat(100_000)}${']'.repeat(100_000)}}`])
    refuses(() => readState(rt, writeSafetensors({ '0.h': tensors.h }, { ...own, lists })), /'lists' is no JSON object/)
})

form('of a state too large for the memory leave nothing taken', async () => {
  const small = await createRuntime({ variant: 'simd', maxMemory: 2 ** 22 })
  const state = Array.from({ length: 8 }, () => ({ h: rt.tensor(new Float32Array(2 ** 18)) }))
  const used = small.memoryUsed
  const bytes = writeState(state)
  refuses(() => readState(small, bytes), /maxMemory/, 'memory')
  assert.is(small.memoryUsed, used)
})

form('need a state', () => {
  refuses(() => writeState(undefined as never), /^writeState: state is undefined; expected tensors by name/, 'type')
  refuses(() => writeState([undefined]), /expected one that holds a tensor/, 'type')
  refuses(() => writeState([3 as never]), /state 0 is 3; expected tensors by name/, 'type')
  refuses(() => writeState({ h: 3 as never }), /^writeState: state is an object; expected one that holds/, 'type')
  refuses(() => writeState({ h: rt.tensor([1]), c: 3 as never }), /state 'c' is 3; expected a tensor/, 'type')
  const gone = rt.tensor([1])
  gone.dispose()
  refuses(() => writeState({ h: gone }), /state 'h' was disposed of/, 'disposed')
  refuses(() => readState({} as never, writeState({ h: rt.tensor([1]) })), /^readState: runtime is an object/, 'type')
})

form('of another module are refused by the module', () => {
  const gru = new GRU(rt, { inputSize: I, hiddenSize: 4 })
  const other = readState(rt, writeState(new LSTM(rt, { inputSize: I, hiddenSize: 4 }).initialState(B)!))
  const x = drawTensor(rt, 1, 'x', [B, I])
  refuses(() => gru.step(x, other), /unknown option 'c'/, 'option')
  const embedding = new PositionalEmbedding(rt, { maxLength: T, embeddingDim: I })
  for (const length of [-1, 0.5, Number.NaN]) {
    const state = readState(rt, writeState({ length: rt.tensor([length]) }))
    refuses(() => embedding.step(x, state), /state\.length holds .*; expected a whole number of steps/, 'range')
  }
})
form.run()
