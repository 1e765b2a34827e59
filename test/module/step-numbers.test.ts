/** A stream of numbers without tensors, and steps that are refused half-way. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  Activation,
  DEQ,
  Dropout,
  Embedding,
  GRU,
  LSTM,
  LastStep,
  Linear,
  type Module,
  PositionalEmbedding,
  Recurrent,
  Residual,
  RetrogradError,
  type Runtime,
  Sequential,
  type State,
  createRuntime,
  defineCell,
} from '../../bindings/index.ts'
import { stateTensors } from '../../bindings/module/state.ts'
import { add, linear, mul } from '../../bindings/ops.ts'
import { generate } from '../support/generator.ts'
import { drawTensor, numbers } from '../support/nets.ts'
import { any, expectError } from '../support/refusals.ts'

const F = 3
const size = { inputSize: F, hiddenSize: F }
const twoInputs = defineCell({
  state: { h: 2 },
  input: { x: 2, y: 2 },
  params: { W: [2, 2] },
  step: ({ x, y, h, W }) => ({ state: { h: add(linear(h!, W!), mul(x!, y!)) }, output: mul(h!, y!) }),
})

const MODULES: Record<string, (rt: Runtime) => Module> = {
  GRU: (rt) => new GRU(rt, size),
  'LSTM, skips': (rt) => new LSTM(rt, { ...size, skips: [2] }),
  Linear: (rt) => new Linear(rt, { inFeatures: F, outFeatures: 2 }),
  PositionalEmbedding: (rt) => new PositionalEmbedding(rt, { maxLength: 99, embeddingDim: F }),
  DEQ: (rt) => new DEQ(rt, size),
  Residual: (rt) => new Residual(rt, new GRU(rt, size)),
  'Sequential, any width first': (rt) =>
    new Sequential(rt, [
      new Activation(rt, { name: 'tanh' }),
      new LastStep(rt),
      new Residual(rt, new Sequential(rt, [new Dropout(rt), new GRU(rt, size)])),
      new DEQ(rt, size),
    ]),
}

const streams = suite('step of numbers')
for (const [name, make] of Object.entries(MODULES)) {
  for (const B of [1, 2]) {
    streams(`${name}, B = ${B}: gives the bits of tensors, and takes no memory`, async () => {
      const rt = await createRuntime({ variant: 'simd', seed: 3 })
      const net = make(rt).eval()
      const rows = Array.from({ length: 6 }, (_, t) => Float32Array.from(generate(t, 'x', B * F, 1)))
      const run = (form: (numbers: Float32Array) => never): number[] => {
        const state = net.initialState(B)
        return rows.flatMap((row) => numbers(net.step(form(row), state).output))
      }
      const expected = run((row) => any(rt.tensor(row, [B, F])))
      const forms = {
        float32: (row: Float32Array) => any(row),
        float64: (row: Float32Array) => any(Float64Array.from(row)),
        'a plain list': (row: Float32Array) => any(Array.from(row)),
      }
      for (const [form, give] of Object.entries(forms)) assert.equal(run(give), expected, form)
      const state = net.initialState(B)
      net.step(rows[0]!, state)
      const used = rt.memoryUsed
      for (let t = 0; t < 9; t++) net.step(rows[t % 6]!, state)
      assert.is(rt.memoryUsed, used)
    })
  }
}

streams('several inputs by name, some of them tensors', async () => {
  const rt = await createRuntime({ dtype: 'float64', seed: 3 })
  const net = new Recurrent(rt, { cell: twoInputs })
  const run = (tensors: boolean) => {
    const state = net.initialState(2)
    return [1, 2, 3].flatMap((t) => {
      const [x, y] = [generate(t, 'x', 4, 1), generate(t, 'y', 4, 1)]
      const input = tensors ? { x: rt.tensor(x, [2, 2]), y: rt.tensor(y, [2, 2]) } : { x, y: rt.tensor(y, [2, 2]) }
      return numbers(net.step(input, state).output)
    })
  }
  assert.equal(run(false), run(true))
  expectError('type', ['Recurrent.step: input is one list of numbers', '{ x, y }'], () => net.step([1, 2, 3, 4]))
})

streams('ids are whole numbers', async () => {
  const rt = await createRuntime()
  const net = new Sequential(rt, [new Embedding(rt, { numEmbeddings: 4, embeddingDim: F }), new GRU(rt, size)])
  const [a, b] = [net.initialState(2), net.initialState(2)]
  assert.equal(numbers(net.step([3, 1], a).output), numbers(net.step(rt.indices([3, 1]), b).output))
  expectError('type', ['Embedding.step: input[1] is 1.5'], () => net.step([3, 1.5], a))
  expectError('range', ['id 4'], () => net.step(Uint8Array.of(0, 4), a))
})

streams('what are no rows of the width is refused, and the state is as it was', async () => {
  const rt = await createRuntime()
  const net = new Sequential(rt, [new GRU(rt, size), new Linear(rt, { inFeatures: F, outFeatures: 1 })])
  const state = net.initialState(2)!
  net.step(new Float32Array(6).fill(1), state)
  const before = stateTensors(state).map(([, tensor]) => numbers(tensor))
  const refusals: [unknown, string, RegExp][] = [
    [new Float32Array(4), 'shape', /GRU\.step: input holds 4 numbers; expected B rows of 3/],
    [[], 'shape', /holds 0 numbers/],
    [new Float32Array(3), 'shape', /state.*\[1, 2, 3\]/],
    [['1', '2', '3', '4', '5', '6'], 'type', /input\[0\] is '1'/],
    [[[1, 2, 3]], 'type', /input\[0\] is an array/],
    [new BigInt64Array(6), 'type', /64-bit/],
    [new DataView(new ArrayBuffer(24)), 'type', /input/],
    [undefined, 'type', /input/],
  ]
  for (const [input, code, message] of refusals) expectError(code, [message], () => net.step(any(input), state))
  assert.equal(
    stateTensors(state).map(([, tensor]) => numbers(tensor)),
    before,
  )
})

streams('a view of memory of the core is read before that grows', async () => {
  const rt = await createRuntime()
  const net = new Linear(rt, { inFeatures: 40_000, outFeatures: 1 })
  const x = rt.tensor(new Float32Array(40_000).fill(1), [1, 40_000])
  const expected = numbers(net.step(x).output)
  const other = new Linear(rt, { inFeatures: 40_000, outFeatures: 1 })
  other.loadStateDict(net.stateDict())
  assert.equal(numbers(other.step(x.data as Float32Array).output), expected)
})
streams.run()

/** Nets whose step is refused after a state was overwritten, when `spoil` has been called. */
const HALF_WAY: Record<string, (rt: Runtime) => { net: Module; spoil: () => void; mend: () => void }> = {
  'widths that do not fit': (rt) => {
    const net = new Sequential(rt, [new GRU(rt, size), new Linear(rt, { inFeatures: F + 1, outFeatures: 1 })])
    return { net, spoil: () => {}, mend: () => {} }
  },
  'a DEQ that does not converge': (rt) => {
    const deq = new DEQ(rt, { ...size, solver: { name: 'picard', maxIter: 30 } })
    const net = new Sequential(rt, [new LSTM(rt, size), deq, new GRU(rt, size)])
    const { weight_hh, ...rest } = deq.stateDict()
    const diagonal = (w: number) => ({
      shape: [F, F],
      data: weight_hh!.data.map((_, i) => (i % (F + 1) === 0 ? w : 0)),
    })
    const load = (w: number) => deq.loadStateDict({ ...rest, weight_hh: diagonal(w) })
    load(0.2)
    // tanh(-100 z + …) alternates between -1 and 1
    return { net, spoil: () => load(-100), mend: () => load(0.2) }
  },
  'a Residual whose module changes the shape': (rt) => {
    const net = new Sequential(rt, [new GRU(rt, size), new Residual(rt, new GRU(rt, { inputSize: F, hiddenSize: 2 }))])
    return { net, spoil: () => {}, mend: () => {} }
  },
}
const refused = suite('a step refused half-way')
for (const [name, make] of Object.entries(HALF_WAY)) {
  refused(`${name}: every state is as it was`, async () => {
    const rt = await createRuntime({ dtype: 'float64', seed: 3 })
    const { net, spoil, mend } = make(rt)
    const state = net.initialState(2) as State
    for (const [path, tensor] of stateTensors(state)) tensor.data.set(generate(1, path, tensor.size, 1))
    const all = () => stateTensors(state).map(([, tensor]) => numbers(tensor))
    const before = all()
    spoil()
    assert.throws(
      () => net.step(drawTensor(rt, 1, 'x', [2, F], 3), state),
      (error: unknown) => error instanceof RetrogradError,
    )
    assert.equal(all(), before)
    mend()
  })
}

refused('the stream then goes on as if nothing had been asked', async () => {
  const run = async (refusing: boolean) => {
    const rt = await createRuntime({ dtype: 'float64', seed: 3 })
    const { net, spoil, mend } = HALF_WAY['a DEQ that does not converge']!(rt)
    const state = net.initialState(2)
    return [1, 2, 3].flatMap((t) => {
      if (refusing) {
        spoil()
        assert.throws(() => net.step(drawTensor(rt, 9, 'x', [2, F], 3), state))
        mend()
      }
      return numbers(net.step(drawTensor(rt, t, 'x', [2, F]), state).output)
    })
  }
  assert.equal(await run(true), await run(false))
})
refused.run()
