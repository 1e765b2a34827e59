/** Mistakes of kind that are easily made: each is refused by a RetrogradError before anything changes, by every module. */
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
  LayerNorm,
  Linear,
  type Module,
  PositionalEmbedding,
  RNN,
  Recurrent,
  Residual,
  RetrogradError,
  type Runtime,
  Sequential,
  createRuntime,
} from '../../bindings/index.ts'

const rt = await createRuntime({ variant: 'simd' })

const MODULES: Record<string, () => Module> = {
  Linear: () => new Linear(rt, { inFeatures: 2, outFeatures: 2 }),
  RNN: () => new RNN(rt, { inputSize: 2, hiddenSize: 2 }),
  GRU: () => new GRU(rt, { inputSize: 2, hiddenSize: 2 }),
  LSTM: () => new LSTM(rt, { inputSize: 2, hiddenSize: 2 }),
  DEQ: () => new DEQ(rt, { inputSize: 2, hiddenSize: 2 }),
  Embedding: () => new Embedding(rt, { numEmbeddings: 3, embeddingDim: 2 }),
  PositionalEmbedding: () => new PositionalEmbedding(rt, { maxLength: 5, embeddingDim: 2 }),
  Dropout: () => new Dropout(rt, { p: 0.5 }),
  LayerNorm: () => new LayerNorm(rt, { normalizedShape: 2 }),
  Activation: () => new Activation(rt, { name: 'tanh' }),
  LastStep: () => new LastStep(rt, {}),
  Sequential: () => new Sequential(rt, [new Linear(rt, { inFeatures: 2, outFeatures: 2 })]),
  Residual: () => new Residual(rt, new Linear(rt, { inFeatures: 2, outFeatures: 2 })),
}

const CLASSES = {
  Activation,
  DEQ,
  Dropout,
  Embedding,
  GRU,
  LSTM,
  LastStep,
  LayerNorm,
  Linear,
  PositionalEmbedding,
  RNN,
  Recurrent,
  Residual,
  Sequential,
}

function refuses(attempt: () => unknown, message: RegExp, code: string): void {
  let error: unknown
  try {
    attempt()
  } catch (thrown) {
    error = thrown
  }
  assert.instance(error, RetrogradError, `${error}`)
  assert.match((error as Error).message, message)
  assert.is((error as RetrogradError).code, code)
}

const inputOf = (name: string) => (name === 'Embedding' ? rt.indices([[0, 1]]) : rt.tensor([[[1, 2]], [[3, 4]]]))

const test = suite('a mistake of kind')

for (const [name, Class] of Object.entries(CLASSES)) {
  test(`new ${name} refuses options that are a string, a number, a boolean, a list or null, and takes no memory`, () => {
    const make = Class as unknown as new (runtime: Runtime, options: unknown) => Module
    const used = rt.memoryUsed
    for (const options of ['auto', 5, true, null, []])
      refuses(() => new make(rt, options), new RegExp(`^${name}: (options|modules?) is`), 'type')
    assert.is(rt.memoryUsed, used)
  })
}

for (const [name, make] of Object.entries(MODULES)) {
  const scenario = () => {
    const module = make()
    const gradient = module.forward(inputOf(name), { tape: true }).output.clone()
    return {
      module,
      gradient,
      grads: () => module.parameters().flatMap(({ grad }) => Array.from(grad.data as Float32Array)),
    }
  }

  test(`${name}.backward refuses to go without gradients or with options of another kind, and then still has its tape`, () => {
    const { module, gradient, grads } = scenario()
    const before = grads()
    const backward = (...given: unknown[]) => module.backward(...(given as Parameters<Module['backward']>))
    for (const gradients of [undefined, null, 'x', 3])
      refuses(() => backward(gradients), new RegExp(`^${name}\\.backward: gradients is`), 'type')
    refuses(() => backward({ outputs: gradient }), /unknown option 'outputs'/, 'option')
    for (const options of [null, 'x', 3])
      refuses(() => backward({ output: gradient }, options), /\.backward: options is/, 'type')
    refuses(() => backward({ output: gradient }, { input: false }), /unknown option 'input'/, 'option')
    refuses(() => backward({}), /output/, 'type')
    assert.equal(grads(), before)
    backward({ output: gradient })
  })

  test(`${name}.forward refuses options of another kind`, () => {
    const { module } = scenario()
    for (const options of [null, 'x', 3])
      refuses(() => module.forward(inputOf(name) as never, options as never), /\.forward: options is/, 'type')
    refuses(
      () => module.forward(inputOf(name) as never, { lenghts: [1] } as never),
      /unknown option 'lenghts'/,
      'option',
    )
  })

  test(`${name}.freeze and unfreeze refuse what is no list of names, and freeze nothing`, () => {
    const { module } = scenario()
    for (const method of ['freeze', 'unfreeze'] as const)
      for (const names of ['weight', 5, {}, null])
        refuses(
          () => module[method](names as never),
          new RegExp(`\\.${method}: names is .*; expected a list of names`),
          'type',
        )
    refuses(() => module.freeze([3] as never), /there is no parameter 3/, 'option')
    assert.ok(module.blocks().every(({ frozen }) => frozen.size === 0))
  })
}

test.run()
