/** Modules without a recurrence of their own, and modules made of modules. */
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
  PositionalEmbedding,
  RNN,
  Residual,
  Sequential,
} from '../../bindings/index.ts'
import { drawTensor } from '../support/nets.ts'
import { type Make, everyCall, statelessCalls } from './calls.ts'
import type { Findings } from './findings.ts'
import { type Program, programs } from './program.ts'
import { type Columns, gradientsOf } from './run.ts'

const [T, B, F] = [31, 17, 6]

const ACTIVATIONS = ['tanh', 'sigmoid', 'relu', 'softplus', 'identity', 'hardSigmoid', 'hardSigmoidKeras2'] as const

const STATELESS: Readonly<Record<string, Make>> = {
  Linear: (rt) => new Linear(rt, { inFeatures: F, outFeatures: 3 }),
  'Linear, no bias': (rt) => new Linear(rt, { inFeatures: F, outFeatures: 33, bias: false }),
  LayerNorm: (rt) => new LayerNorm(rt, { normalizedShape: F }),
  'LayerNorm, not affine': (rt) => new LayerNorm(rt, { normalizedShape: [F], eps: 0.1, elementwiseAffine: false }),
  Dropout: (rt) => new Sequential(rt, [new Dropout(rt), new Linear(rt, { inFeatures: F, outFeatures: F })]),
  'Residual of Linear': (rt) => new Residual(rt, new Linear(rt, { inFeatures: F, outFeatures: F })),
  LastStep: (rt) => new Sequential(rt, [new LastStep(rt), new Linear(rt, { inFeatures: F, outFeatures: 2 })]),
  ...Object.fromEntries(
    ACTIVATIONS.map((name): [string, Make] => [
      `Activation ${name}`,
      (rt) => new Sequential(rt, [new Activation(rt, { name }), new Linear(rt, { inFeatures: F, outFeatures: F })]),
    ]),
  ),
}

interface Stack {
  readonly columns: Columns
  readonly bothWays?: boolean
  readonly make: Make
}

const STACKS: Readonly<Record<string, Stack>> = {
  'Embedding of ids, GRU, last step': {
    columns: { ids: 9 },
    make: (rt) =>
      new Sequential(rt, [
        new Embedding(rt, { numEmbeddings: 9, embeddingDim: F, paddingIdx: 2 }),
        new Dropout(rt, { p: 0.1 }),
        new GRU(rt, { inputSize: F, hiddenSize: F }),
        new LayerNorm(rt, { normalizedShape: F }),
        new Residual(rt, new Linear(rt, { inFeatures: F, outFeatures: F })),
        new LastStep(rt),
        new Linear(rt, { inFeatures: F, outFeatures: 2 }),
      ]),
  },
  'positions, LSTM of 2 layers': {
    columns: 3,
    make: (rt) =>
      new Sequential(rt, [
        new Linear(rt, { inFeatures: 3, outFeatures: F }),
        new Activation(rt, { name: 'relu' }),
        new PositionalEmbedding(rt, { maxLength: 70, embeddingDim: F }),
        new LSTM(rt, { inputSize: F, hiddenSize: 4, numLayers: 2, dropout: 0.3 }),
        new Dropout(rt, { p: 0.2 }),
        new Linear(rt, { inFeatures: 4, outFeatures: 2 }),
      ]),
  },
  'both ways, batch first, last step': {
    columns: F,
    bothWays: true,
    make: (rt) =>
      new Sequential(rt, [
        new GRU(rt, { inputSize: F, hiddenSize: 5, bidirectional: true, batchFirst: true }),
        new LastStep(rt, { directions: 2, batchFirst: true }),
        new Linear(rt, { inFeatures: 10, outFeatures: 2 }),
      ]),
  },
  'a stack in a stack, residual': {
    columns: F,
    make: (rt) =>
      new Sequential(rt, [
        new Residual(rt, new RNN(rt, { inputSize: F, hiddenSize: F })),
        new Sequential(rt, [new Linear(rt, { inFeatures: F, outFeatures: F }), new Activation(rt, { name: 'tanh' })]),
        new Residual(rt, new Residual(rt, new GRU(rt, { inputSize: F, hiddenSize: F }))),
      ]),
  },
  'an equilibrium behind an RNN': {
    columns: F,
    make: (rt) =>
      new Sequential(rt, [
        new RNN(rt, { inputSize: F, hiddenSize: 4 }),
        new DEQ(rt, { inputSize: 4, hiddenSize: 5, spectralNorm: 0.9 }),
        new Linear(rt, { inFeatures: 5, outFeatures: 2 }),
      ]),
  },
}

/** More terms than a block's depth; columns for tiles of every width and an edge. */
function linearRows(found: Findings, rt: Parameters<Make>[0]): void {
  const net = new Linear(rt, { inFeatures: 300, outFeatures: 45 })
  for (const rows of [1, 2, 3, 7, 31, 64]) {
    found.take(`${rows} output`, net.forward(drawTensor(rt, 5, 'x', [rows, 300])).output)
    const { input } = net.backward({ output: drawTensor(rt, 6, 'd', [rows, 45]) })
    found.take(`${rows} back`, { input: input, ...gradientsOf(net) })
  }
}

export const layers: readonly Program[] = [
  ...Object.entries(STATELESS).flatMap(([name, make]) => statelessCalls(name, make, { T, B, columns: F })),
  ...Object.entries(STACKS).flatMap(([name, { make, columns, bothWays = false }]) =>
    everyCall(`stack, ${name}`, make, { sizes: { T, B, columns }, bothWays }),
  ),
  ...programs('Linear', { '300 → 45 of few and many rows': (rt, found) => linearRows(found, rt) }),
]
