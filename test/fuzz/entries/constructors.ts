/** What is made: runtimes, tensors, modules, cells; and first values. */
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
  type Runtime,
  Sequential,
  type Tensor,
  antisymmetricRnnCell,
  cloneModule,
  createRuntime,
  defineCell,
  describe,
  diagonalRnnCell,
  indRnnCell,
  init,
  minGruCell,
  orthogonalRnnCell,
  summary,
} from '../../../bindings/index.ts'
import { H, I } from '../world.ts'
import { type Entry, call, ending, entry } from './entry.ts'

const constructing = (Kind: new (...args: never[]) => Module, ...rest: unknown[]): Entry =>
  entry(
    `new ${Kind.name}`,
    ({ rt }) => [rt, ...rest],
    (_, args) => ending(new Kind(...args), () => 0),
  )

const LAYER = {
  inputSize: I,
  hiddenSize: H,
  numLayers: 2,
  bias: true,
  batchFirst: false,
  dropout: 0.25,
  bidirectional: false,
  residual: false,
  layerResidual: true,
  skips: [2],
}

const modules: Entry[] = [
  constructing(RNN, { ...LAYER, nonlinearity: 'relu' }),
  constructing(LSTM, {
    ...LAYER,
    projSize: 2,
    layerResidual: false,
    activation: 'relu',
    recurrentActivation: 'sigmoid',
  }),
  constructing(GRU, { ...LAYER, activation: 'tanh', recurrentActivation: 'sigmoid' }),
  constructing(Linear, { inFeatures: I, outFeatures: H, bias: true }),
  constructing(Embedding, { numEmbeddings: 5, embeddingDim: 2, paddingIdx: 0 }),
  constructing(PositionalEmbedding, { maxLength: 5, embeddingDim: 2 }),
  constructing(Dropout, { p: 0.5 }),
  constructing(Activation, { name: 'tanh' }),
  constructing(LayerNorm, { normalizedShape: 3, eps: 1e-5, elementwiseAffine: true }),
  constructing(LastStep, { batchFirst: false, directions: 1 }),
  constructing(DEQ, {
    inputSize: I,
    hiddenSize: H,
    nonlinearity: 'tanh',
    bias: true,
    spectralNorm: 0.9,
    solver: {
      name: 'anderson',
      tol: 1e-4,
      maxIter: 30,
      mode: 'mixed',
      m: 3,
      beta: 1,
      regularisation: 1e-6,
      onFailure: 'accept',
    },
    adjoint: { name: 'gmres', tol: 1e-5, maxIter: 30, mode: 'relative', restart: 5 },
    onFailure: 'accept',
    jacobianPenalty: { weight: 0.1, samples: 1 },
  }),
  entry(
    'new Sequential',
    ({ rt, gru }) => [rt, [gru]],
    (_, args) => new (Sequential as New)(...args),
  ),
  entry(
    'new Residual',
    ({ rt }) => [rt, new Linear(rt, { inFeatures: 2, outFeatures: 2 })],
    (_, args) => new (Residual as New)(...args),
  ),
  entry(
    'new Recurrent',
    ({ rt, cell }) => [rt, { cell, sizes: { H, I }, batchFirst: false }],
    (_, args) => ending(new (Recurrent as New)(...args), () => 0),
    ['.retrograd: number'],
  ),
]

type New = new (...args: never[]) => Module

const cells: Entry[] = Object.entries({
  antisymmetricRnnCell: [antisymmetricRnnCell, { gamma: 0.01, epsilon: 0.1 }],
  diagonalRnnCell: [diagonalRnnCell, { outputSize: 2 }],
  indRnnCell: [indRnnCell, { nonlinearity: 'relu', bias: true }],
  minGruCell: [minGruCell, { bias: true }],
  orthogonalRnnCell: [orthogonalRnnCell, { nonlinearity: 'tanh', bias: true }],
} as const).map(([name, [make, options]]) =>
  entry(
    name,
    () => [{ ...options }],
    (_, args) => (make as (...given: never[]) => unknown)(...args),
    ['outputSize: string'],
  ),
)

const free: Entry[] = [
  entry(
    'createRuntime',
    () => [{ seed: 1, dtype: 'float32', variant: 'simd', maxMemory: 2 ** 24 }],
    async (_, args) => (await (createRuntime as (...given: never[]) => Promise<Runtime>)(...args)).dispose(),
  ),
  entry(
    'Runtime.tensor',
    () => [
      [
        [1, 2],
        [3, 4],
      ],
      [2, 2],
    ],
    ({ rt }, args) => ending(call<Tensor>(rt, 'tensor', args), () => 0),
    ['argument 1: list', '.0: list', '.0: boolean', '.1: boolean'],
  ),
  entry(
    'Runtime.indices',
    () => [
      [
        [1, 2],
        [3, 4],
      ],
      [2, 2],
    ],
    ({ rt }, args) => ending(call<Tensor>(rt, 'indices', args), () => 0),
    ['argument 1: list', '.0: list', '.0: boolean', '.1: boolean'],
  ),
  entry(
    'Runtime.scope',
    () => [() => 1],
    ({ rt }, args) => call(rt, 'scope', args),
  ),
  entry(
    'defineCell',
    ({ cell }) => [{ ...cell, initial: { W: 0.5, U: [-1, 1] } }],
    (_, args) => (defineCell as (...given: never[]) => unknown)(...args),
    ['.retrograd: number', '.U: number'],
  ),
  entry(
    'cloneModule',
    ({ gru, foreign }) => [gru, foreign],
    (_, args) => ending((cloneModule as (...given: never[]) => Module)(...args), () => 0),
  ),
  entry(
    'describe',
    ({ net }) => [net],
    (_, args) => (describe as (...given: never[]) => unknown)(...args),
  ),
  entry(
    'summary',
    ({ net }) => [net],
    (_, args) => (summary as (...given: never[]) => unknown)(...args),
  ),
]

const FILLS: Record<keyof typeof init, unknown[]> = {
  xavierUniform: [{ gain: 1 }],
  xavierNormal: [{ gain: 1 }],
  kaimingUniform: [{ a: 0, mode: 'fanIn' }],
  kaimingNormal: [{ a: 0, mode: 'fanOut' }],
  orthogonal: [{ gain: 1 }],
  identity: [{ gain: 1 }],
  forgetBias: [1],
  chrono: [10],
}
const LIKE_LSTM = ['forgetBias', 'chrono']
const fills: Entry[] = Object.entries(FILLS).map(([name, options]) =>
  entry(
    `init.${name}`,
    ({ rt }) => [
      LIKE_LSTM.includes(name) ? new LSTM(rt, { inputSize: I, hiddenSize: H }) : rt.tensor(new Float32Array(6), [2, 3]),
      ...options,
    ],
    (_, args) => call(init, name, args),
  ),
)

export const CONSTRUCTORS: readonly Entry[] = [...modules, ...cells, ...free, ...fills]
