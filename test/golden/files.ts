/** Bytes that leave the package: weights and states, as files. */
import {
  GRU,
  LSTM,
  LastStep,
  Linear,
  PositionalEmbedding,
  RNN,
  type Runtime,
  Sequential,
} from '../../bindings/index.ts'
import { readSafetensors, readState, writeSafetensors, writeState } from '../../bindings/io.ts'
import { drawTensor } from '../support/nets.ts'
import type { Findings } from './findings.ts'
import { type Program, programs } from './program.ts'

const stack = (rt: Runtime) =>
  new Sequential(rt, [
    new PositionalEmbedding(rt, { maxLength: 30, embeddingDim: 3 }),
    new LSTM(rt, { inputSize: 3, hiddenSize: 5, numLayers: 2, projSize: 2 }),
    new Sequential(rt, [
      new Linear(rt, { inFeatures: 2, outFeatures: 3 }),
      new RNN(rt, { inputSize: 3, hiddenSize: 4, skips: [3] }),
    ]),
    new GRU(rt, { inputSize: 4, hiddenSize: 3 }),
    new LastStep(rt),
  ])

/** A file's bytes, and what another module makes of them. */
function weights(rt: Runtime, found: Findings): void {
  const bytes = writeSafetensors(stack(rt).stateDict(), { note: 'golden' })
  found.take('bytes', bytes)
  const { tensors, metadata } = readSafetensors(bytes)
  found.take('read', { tensors, metadata })
  const other = stack(rt)
  other.loadStateDict(tensors as Parameters<typeof other.loadStateDict>[0])
  found.take('output', other.forward(drawTensor(rt, 1, 'x', [9, 4, 3])).output)
}

/** A stream that is written after five steps and goes on from its bytes. */
function states(rt: Runtime, found: Findings): void {
  const net = stack(rt)
  const state = net.initialState(4)!
  const row = (t: number) => drawTensor(rt, 1, `x ${t}`, [4, 3])
  for (let t = 0; t < 5; t++) net.step(row(t), state)
  const bytes = writeState(state)
  found.take('bytes', bytes)
  const restored = readState(rt, bytes)
  for (let t = 5; t < 8; t++) found.take(`${t}`, net.step(row(t), restored).output)
}

export const files: readonly Program[] = programs('file', { weights, states })
