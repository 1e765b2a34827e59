/** What modules remember of how they were made, and what follows from it: descriptions, summaries and copies. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  Activation,
  Adam,
  DEQ,
  Dropout,
  Embedding,
  GRU,
  type Input,
  LSTM,
  LastStep,
  LayerNorm,
  Linear,
  Module,
  PositionalEmbedding,
  RNN,
  Recurrent,
  Residual,
  type Runtime,
  Sequential,
  cloneModule,
  createRuntime,
  defineCell,
  describe,
  minGruCell,
  summary,
} from '../../bindings/index.ts'
import { add, mul } from '../../bindings/ops.ts'

const rt = await createRuntime({ seed: 3, variant: 'simd' })
const double = await createRuntime({ seed: 4, dtype: 'float64' })

/** [T, B, columns] of numbers that are exact in both dtypes. */
function sequence(runtime: Runtime, columns: number): Input {
  const data = Float64Array.from({ length: 5 * 3 * columns }, (_, i) => ((i * 7) % 16) / 16 - 0.5)
  return runtime.tensor(data, [5, 3, columns])
}

const decay = defineCell({
  state: { h: 'H' },
  input: { x: 'H' },
  params: { rate: ['H'] },
  step: ({ h, x, rate }) => {
    const next = add(mul(rate!, h!), x!)
    return { state: { h: next }, output: next }
  },
})

/** Every kind of module, with options other than the defaults. */
const SHELF: Readonly<Record<string, (runtime: Runtime) => Module>> = {
  RNN: (runtime) => new RNN(runtime, { inputSize: 4, hiddenSize: 4, nonlinearity: 'relu', skips: [2, 3] }),
  LSTM: (runtime) => new LSTM(runtime, { inputSize: 4, hiddenSize: 6, projSize: 4, numLayers: 2, bidirectional: true }),
  GRU: (runtime) => new GRU(runtime, { inputSize: 4, hiddenSize: 4, resetAfter: false, bias: false, residual: true }),
  Recurrent: (runtime) => new Recurrent(runtime, { cell: decay, sizes: { H: 4 }, init: { rate: [0.25, 0.5] } }),
  minGru: (runtime) => new Recurrent(runtime, { cell: minGruCell(), sizes: { I: 4, H: 3 } }),
  Linear: (runtime) => new Linear(runtime, { inFeatures: 4, outFeatures: 2, bias: false }),
  LayerNorm: (runtime) => new LayerNorm(runtime, { normalizedShape: [4], eps: 1e-3 }),
  Activation: (runtime) => new Activation(runtime, { name: 'softplus' }),
  Dropout: (runtime) => new Dropout(runtime, { p: 0.25 }),
  PositionalEmbedding: (runtime) => new PositionalEmbedding(runtime, { maxLength: 9, embeddingDim: 4 }),
  LastStep: (runtime) => new LastStep(runtime, { directions: 2 }),
  DEQ: (runtime) => new DEQ(runtime, { inputSize: 4, hiddenSize: 4, spectralNorm: 0.8, solver: { name: 'anderson', m: 3 } }), // prettier-ignore
  cellDeq: (runtime) => new DEQ(runtime, { cell: decay, sizes: { H: 4 }, init: { rate: 0.5 }, adjoint: 'lu' }),
  Residual: (runtime) => new Residual(runtime, new Linear(runtime, { inFeatures: 4, outFeatures: 4 })),
  Sequential: (runtime) =>
    new Sequential(runtime, [
      new GRU(runtime, { inputSize: 4, hiddenSize: 4, batchFirst: true }),
      new Residual(runtime, new Sequential(runtime, [new Linear(runtime, { inFeatures: 4, outFeatures: 4 })])),
      new LastStep(runtime, { batchFirst: true }),
    ]),
}

const test = suite('descriptions')

for (const [name, make] of Object.entries(SHELF)) {
  test(`a copy of ${name} gives the original's bits, and does not share its weights`, () => {
    const module = make(rt).eval()
    const copy = cloneModule(module)
    const x = sequence(rt, 4)
    const before = module.forward(x).output.toArray()
    assert.equal(copy.forward(x).output.toArray(), before)
    assert.is(copy.constructor, module.constructor)
    assert.equal(describe(copy), describe(module))
    for (const { value } of copy.parameters()) value.data.fill(0)
    assert.equal(module.forward(x).output.toArray(), before)
  })

  test(`a copy of ${name} lives on in another runtime, of another dtype`, () => {
    const module = make(rt).eval()
    const copy = cloneModule(module, double)
    assert.is(copy.runtime, double)
    const [own, copied] = [module.parameters(), copy.parameters()]
    assert.equal(
      copied.map(({ name: key, value }) => [key, value.shape, value.toArray()]),
      own.map(({ name: key, value }) => [key, value.shape, value.toArray()]),
    )
    assert.is(copy.forward(sequence(double, 4)).output.runtime, double)
  })
}

test('a copy of an Embedding keeps its padding', () => {
  const module = new Embedding(rt, { numEmbeddings: 5, embeddingDim: 2, paddingIdx: 1 })
  const copy = cloneModule(module)
  assert.equal(copy.options, { numEmbeddings: 5, embeddingDim: 2, paddingIdx: 1 })
  assert.equal(
    copy.forward(rt.indices([[0, 1]])).output.toArray(),
    module.forward(rt.indices([[0, 1]])).output.toArray(),
  )
})

test('a copy has the modes and the frozen parameters of what it was made from', () => {
  const module = SHELF['Sequential']!(rt)
  const [gru, residual] = module.children()
  gru!.freeze(['weight_hh_l0'])
  residual!.eval()
  const copy = cloneModule(module)
  assert.equal(
    copy.descendants().map(({ training }) => training),
    [true, true, false, false, false, true],
  )
  const before = copy.stateDict()
  const optimizer = new Adam(copy, { lr: 0.1 })
  copy.train()
  const { output } = copy.forward(sequence(rt, 4))
  copy.backward({ output })
  optimizer.step()
  const changed = Object.entries(copy.stateDict()).filter(([name, { data }]) => data.some((x, i) => x !== before[name]!.data[i])) // prettier-ignore
  assert.equal(
    changed.map(([name]) => name),
    ['0.weight_ih_l0', '0.bias_ih_l0', '0.bias_hh_l0', '1.0.weight', '1.0.bias'],
  )
})

test('options are those given, with defaults filled in, and frozen through and through', () => {
  const skips = [2]
  const { options } = new LSTM(rt, { inputSize: 4, hiddenSize: 6, skips, bias: undefined as unknown as boolean })
  assert.equal(options, {
    inputSize: 4,
    hiddenSize: 6,
    numLayers: 1,
    bias: true,
    batchFirst: false,
    dropout: 0,
    bidirectional: false,
    residual: false,
    layerResidual: false,
    skips: [2],
    fused: true,
    activation: 'tanh',
    recurrentActivation: 'sigmoid',
    projSize: 0,
  })
  assert.ok(Object.isFrozen(options))
  assert.ok(Object.isFrozen(options.skips))
  skips.push(3)
  assert.equal(options.skips, [2])
})

test('a cell is remembered as the very object that was given', () => {
  const module = new Recurrent(rt, { cell: decay, sizes: { H: 4 } })
  assert.is(module.options.cell, decay)
  assert.not(Object.isFrozen(decay))
})

test('a description is the tree of classes and options', () => {
  const net = new Sequential(rt, [
    new Residual(rt, new Linear(rt, { inFeatures: 2, outFeatures: 2 })),
    new Activation(rt, { name: 'relu' }),
  ])
  assert.equal(describe(net), {
    type: 'Sequential',
    options: {},
    children: [
      {
        type: 'Residual',
        options: {},
        children: [{ type: 'Linear', options: { inFeatures: 2, outFeatures: 2, bias: true } }],
      },
      { type: 'Activation', options: { name: 'relu' } },
    ],
  })
})

test('a summary is a table of classes, options and numbers of parameters', () => {
  const net = new Sequential(rt, [
    new RNN(rt, { inputSize: 3, hiddenSize: 4, bias: false }),
    new Residual(rt, new Linear(rt, { inFeatures: 4, outFeatures: 4 })),
    new LastStep(rt),
  ])
  net.freeze(['1.bias'])
  const lines = summary(net).split('\n')
  assert.equal(lines, [
    'Sequential                                                               48',
    '  0 RNN       inputSize 3, hiddenSize 4, numLayers 1, nonlinearity tanh  28',
    '  1 Residual                                                             20',
    '    Linear    inFeatures 4, outFeatures 4, bias                          20',
    '  2 LastStep  directions 1                                                0',
    '48 parameters, 4 of them frozen',
  ])
})

test('a class of the caller that does not tell its options is not copied, but refused by name', () => {
  class Passing extends Module {
    override forward(input: Input) {
      return { output: input as never }
    }
    override step(input: Input) {
      return this.forward(input)
    }
    override backward() {
      return {}
    }
    override initialState() {
      return undefined
    }
    override blocks() {
      return []
    }
    override parameters() {
      return []
    }
    protected override release() {}
  }
  assert.throws(() => cloneModule(new Passing(rt)), /a Passing does not tell its options/)
  assert.throws(() => cloneModule({} as Module), /module is an object; expected a module/)
  assert.throws(() => cloneModule(SHELF['GRU']!(rt), {} as Runtime), /runtime is an object/)
})

test.run()
