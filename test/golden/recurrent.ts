/** RNN, LSTM, GRU and the structured cells, in every way of being called, and at sizes around every boundary. */
import {
  GRU,
  type GRUOptions,
  LSTM,
  type LSTMOptions,
  RNN,
  type RNNOptions,
  Recurrent,
  antisymmetricRnnCell,
  diagonalRnnCell,
  indRnnCell,
  minGruCell,
  orthogonalRnnCell,
} from '../../bindings/index.ts'
import { type Make, everyCall, fewCalls } from './calls.ts'
import type { Program } from './program.ts'

type Own<Options> = Omit<Options, 'inputSize' | 'hiddenSize'>
const base = { inputSize: 3, hiddenSize: 5 }

/** 31 steps of 17 samples: two chunks of 15 steps and one of 1, rows that fill no whole vector. */
const SIZES = { T: 31, B: 17, columns: base.inputSize }

const RNNS: Readonly<Record<string, Own<RNNOptions>>> = {
  RNN: {},
  'RNN, relu': { nonlinearity: 'relu' },
  'RNN, identity, no bias': { nonlinearity: 'identity', bias: false },
  'RNN, residual, skips': { residual: true, skips: [2, 5] },
  'RNN, 3 layers, dropout, layer residual': { numLayers: 3, dropout: 0.3, layerResidual: true },
  'RNN, 2 layers, both ways, batch first': { numLayers: 2, bidirectional: true, batchFirst: true },
}

const LSTMS: Readonly<Record<string, Own<LSTMOptions>>> = {
  LSTM: {},
  'LSTM, no bias': { bias: false },
  'LSTM, plain operations': { fused: false },
  'LSTM, softplus and hard sigmoid': { activation: 'softplus', recurrentActivation: 'hardSigmoid' },
  'LSTM, projected': { projSize: 2 },
  'LSTM, batch first, residual, skips': { batchFirst: true, residual: true, skips: [3] },
  'LSTM, 2 layers, dropout, layer residual': { numLayers: 2, dropout: 0.4, layerResidual: true },
  'LSTM, both ways': { bidirectional: true },
  'LSTM, 2 layers, both ways, projected, dropout, layer residual': {
    numLayers: 2,
    bidirectional: true,
    projSize: 4,
    dropout: 0.2,
    layerResidual: true,
  },
}

const GRUS: Readonly<Record<string, Own<GRUOptions>>> = {
  GRU: {},
  'GRU, no bias': { bias: false },
  'GRU, plain operations': { fused: false },
  'GRU, reset before': { resetAfter: false },
  'GRU, reset before, no bias, relu': { resetAfter: false, bias: false, activation: 'relu' },
  'GRU, identity and hard sigmoid of Keras 2': { activation: 'identity', recurrentActivation: 'hardSigmoidKeras2' },
  'GRU, residual, skips': { residual: true, skips: [2] },
  'GRU, 2 layers, batch first, dropout': { numLayers: 2, batchFirst: true, dropout: 0.5 },
  'GRU, 2 layers, both ways, layer residual': { numLayers: 2, bidirectional: true, layerResidual: true },
}

const structured = (cell: ReturnType<typeof minGruCell>): Make => {
  return (rt) => new Recurrent(rt, { cell, sizes: { I: base.inputSize, H: base.hiddenSize, O: 2 } })
}

const STRUCTURED: Readonly<Record<string, Make>> = {
  'orthogonal RNN': structured(orthogonalRnnCell()),
  'orthogonal RNN, relu, no bias': structured(orthogonalRnnCell({ nonlinearity: 'relu', bias: false })),
  IndRNN: structured(indRnnCell()),
  'IndRNN, tanh, no bias': structured(indRnnCell({ nonlinearity: 'tanh', bias: false })),
  'antisymmetric RNN': structured(antisymmetricRnnCell({ epsilon: 0.3, gamma: 0.2 })),
  'antisymmetric RNN, gated, no bias': structured(antisymmetricRnnCell({ gated: true, bias: false })),
  minGRU: structured(minGruCell()),
  'minGRU, no bias': structured(minGruCell({ bias: false })),
  'diagonal RNN': structured(diagonalRnnCell({ outputSize: 'O' })),
}

const entries = <Options>(table: Readonly<Record<string, Options>>, make: (options: Options) => Make) =>
  Object.entries(table).flatMap(([name, options]) => {
    const bothWays = (options as { bidirectional?: boolean }).bidirectional === true
    return everyCall(name, make(options), { sizes: SIZES, bothWays })
  })

/** [input columns, hidden columns, steps, samples]. */
const SHAPES = [
  [1, 1, 300, 1], // a chunk is 256 steps of one sample
  [2, 9, 1, 2],
  [4, 4, 90, 3],
  [17, 33, 5, 64], // chunks of 4 steps
  [33, 17, 7, 85], // 3 steps, one row to spare
  [6, 8, 3, 300], // more samples than a chunk has rows
  [5, 70, 9, 8], // gates of more than a block of columns
  [270, 3, 4, 3], // more terms than a block's depth
  [3, 260, 3, 2],
] as const

const KINDS: Readonly<Record<string, (sizes: { inputSize: number; hiddenSize: number }) => Make>> = {
  RNN: (sizes) => (rt) => new RNN(rt, sizes),
  'LSTM, both ways': (sizes) => (rt) => new LSTM(rt, { ...sizes, bidirectional: true }),
  'GRU, 2 layers': (sizes) => (rt) => new GRU(rt, { ...sizes, numLayers: 2 }),
}

const atShapes = Object.entries(KINDS).flatMap(([kind, make]) =>
  SHAPES.flatMap(([inputSize, hiddenSize, T, B]) =>
    fewCalls(`${kind}, ${inputSize} → ${hiddenSize}, T ${T}, B ${B}`, make({ inputSize, hiddenSize }), {
      T,
      B,
      columns: inputSize,
    }),
  ),
)

export const recurrent: readonly Program[] = [
  ...entries(RNNS, (options) => (rt) => new RNN(rt, { ...base, ...options })),
  ...entries(LSTMS, (options) => (rt) => new LSTM(rt, { ...base, ...options })),
  ...entries(GRUS, (options) => (rt) => new GRU(rt, { ...base, ...options })),
  ...entries(STRUCTURED, (make) => make),
  ...atShapes,
]
