/** Many users' states in one batched step, and apart again. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  DEQ,
  GRU,
  LSTM,
  Linear,
  type Module,
  PositionalEmbedding,
  RNN,
  Recurrent,
  Residual,
  RetrogradError,
  Sequential,
  type State,
  createRuntime,
  defineCell,
  mergeStates,
  splitState,
} from '../../bindings/index.ts'
import { add, linear, prev, tanh } from '../../bindings/ops.ts'
import { stateTensors } from '../../bindings/module/state.ts'
import { drawParameters, drawTensor, numbers } from '../support/nets.ts'

const rt = await createRuntime({ variant: 'simd', seed: 3 })
const I = 3

const delayed = defineCell({
  state: { h: 'H' },
  input: { x: 'I' },
  params: { W: ['H', 'I'], U: ['H', 'H'] },
  step: ({ x, h, W, U }) => {
    const next = tanh(add(linear(x!, W!), linear(prev(h!, 3), U!)))
    return { state: { h: next }, output: next }
  },
})
const MODELS: Record<string, () => Module> = {
  RNN: () => new RNN(rt, { inputSize: I, hiddenSize: 5 }),
  'a GRU of two layers': () => new GRU(rt, { inputSize: I, hiddenSize: 5, numLayers: 2 }),
  'an LSTM with skips and projections': () => new LSTM(rt, { inputSize: I, hiddenSize: 6, projSize: 2, skips: [2] }),
  'a cell with delayed reads': () => new Recurrent(rt, { cell: delayed, sizes: { H: 4, I } }),
  'a container in a container': () =>
    new Sequential(rt, [
      new Residual(rt, new Sequential(rt, [new GRU(rt, { inputSize: I, hiddenSize: I })])),
      new Linear(rt, { inFeatures: I, outFeatures: 4 }),
      new LSTM(rt, { inputSize: 4, hiddenSize: 2 }),
    ]),
}

const bitsOf = (state: State | undefined) => stateTensors(state).map(([path, tensor]) => [path, numbers(tensor)])
const rows = (seed: number, batch: number) => drawTensor(rt, seed, 'x', [batch, I])

const test = suite('states of several users')

for (const [title, make] of Object.entries(MODELS)) {
  test(`${title}: a step of all gives each one's bits`, () => {
    const model = make()
    drawParameters(model, 4)
    // users of 1, 2 and 1 samples, who have come differently far
    const batches = [1, 2, 1]
    const states = batches.map((batch, user) => {
      const state = model.initialState(batch)!
      for (let t = 0; t <= 2 * user; t++) model.step(rows(10 * user + t, batch), state)
      return state
    })
    const inputs = batches.map((batch, user) => rows(100 + user, batch))
    const together = mergeStates(states)
    const all = rt.tensor(inputs.flatMap(numbers), [4, I])
    const output = numbers(model.step(all, together).output)
    const apart = splitState(together)
    const alone = states.map((state, user) => numbers(model.step(inputs[user]!, state).output))
    assert.equal(output, alone.flat())
    assert.is(apart.length, 4)
    const expected = states.flatMap((state) => splitState(state))
    for (const [i, state] of apart.entries()) assert.equal(bitsOf(state), bitsOf(expected[i]))
    assert.equal(bitsOf(mergeStates(apart)), bitsOf(together))
  })
}

test('are copies that belong to the caller', () => {
  const gru = new GRU(rt, { inputSize: I, hiddenSize: 2 })
  const states = [
    gru.initialState(1) as { h: ReturnType<typeof rows> },
    gru.initialState(1) as { h: ReturnType<typeof rows> },
  ]
  const used = rt.memoryUsed
  const both = mergeStates(states)
  both.h.data[0] = 7
  assert.is(states[0]!.h.data[0], 0)
  const [first, second] = splitState(both) as [typeof both, typeof both]
  first.h.data[0] = 9
  assert.is(both.h.data[0], 7)
  for (const { h } of [both, first, second]) h.dispose()
  assert.is(rt.memoryUsed, used)
})

test('share a count of steps, which must be one', () => {
  const model = new Sequential(rt, [
    new PositionalEmbedding(rt, { maxLength: 9, embeddingDim: I }),
    new GRU(rt, { inputSize: I, hiddenSize: 2 }),
  ])
  const [a, b] = [model.initialState(1)!, model.initialState(1)!]
  model.step(rows(1, 1), a)
  assert.throws(
    () => mergeStates([a, b]),
    /mergeStates: 0\.length is 1 in the first state and 0 in another; expected one number/,
  )
  model.step(rows(2, 1), b)
  const merged = mergeStates([a, b])
  assert.equal(bitsOf(splitState(merged)[1]), bitsOf(b))
})

const other = await createRuntime({ variant: 'simd' })
const gru = new GRU(rt, { inputSize: I, hiddenSize: 2 })
const gone = gru.initialState(1) as { h: ReturnType<typeof rows> }
gone.h.dispose()
const REFUSED: [string, () => unknown, string, RegExp][] = [
  ['no states', () => mergeStates([]), 'type', /^mergeStates: states is an array; expected a list of at least one state$/],
  ['what is no list', () => mergeStates(gru.initialState(1) as never), 'type', /^mergeStates: states is an object/],
  ['other widths', () => mergeStates([gru.initialState(1)!, new GRU(rt, { inputSize: I, hiddenSize: 3 }).initialState(1)!]), 'shape', /^mergeStates: state 1: h is \[1, 1, 3\]; the first one's is \[1, 1, 2\]$/],
  ['other names', () => mergeStates([gru.initialState(1)!, new LSTM(rt, { inputSize: I, hiddenSize: 2 }).initialState(1)!]), 'shape', /^mergeStates: state 1 has h, c; expected h as the first one$/],
  ['another runtime', () => mergeStates([gru.initialState(1)!, new GRU(other, { inputSize: I, hiddenSize: 2 }).initialState(1)!]), 'runtime', /^mergeStates: state 1 belongs to another runtime than the first one$/],
  ['a state that is gone', () => mergeStates([gone]), 'disposed', /^mergeStates: state 0\.h was disposed of/],
  ['no state', () => splitState(undefined as never), 'type', /^splitState: state is undefined; expected a state$/],
  ['a state without samples', () => splitState(new PositionalEmbedding(rt, { maxLength: 2, embeddingDim: 2 }).initialState()), 'shape', /^splitState: state has no tensor \[\.\., B, n\]/],
  ['samples of two numbers', () => splitState([gru.initialState(1), gru.initialState(2)]), 'shape', /^splitState: state has batches of 1 and 2; expected tensors of one batch$/],
] // prettier-ignore
for (const [title, call, code, message] of REFUSED) {
  test(`refuses ${title}`, () => {
    let error: unknown
    try {
      call()
    } catch (thrown) {
      error = thrown
    }
    assert.ok(error instanceof RetrogradError, String(error))
    assert.is((error as RetrogradError).code, code)
    assert.match((error as Error).message, message)
  })
}

test('of a DEQ go together as well', () => {
  const deq = new DEQ(rt, { inputSize: I, hiddenSize: 4 })
  const states = [deq.initialState(1)!, deq.initialState(2)!]
  assert.is(splitState(mergeStates(states)).length, 3)
})

test.run()
