import {
  GRU,
  init,
  LastStep,
  Linear,
  LSTM,
  type Module,
  orthogonalRnnCell,
  Recurrent,
  RNN,
  type Runtime,
  Sequential,
  type Tensor,
} from 'retrograd'
import type { Problem } from './problem.ts'

/** A recurrent layer with its own initial values. */
export type Layer = (rt: Runtime, problem: Problem, hidden: number) => Module

/** In two parts, since truncation is a matter of the recurrent layer alone. */
export interface Net {
  readonly recurrent: Module
  /** From all hidden states to the answer: [T, B, H] to [T, B, outputs], or to [B, outputs] after the last step. */
  readonly readout: Module
}

export function createNet(rt: Runtime, layer: Layer, problem: Problem, hidden: number): Net {
  const linear = new Linear(rt, { inFeatures: hidden, outFeatures: problem.outputs })
  return {
    recurrent: layer(rt, problem, hidden),
    readout: problem.lastOnly ? new Sequential(rt, [new LastStep(rt), linear]) : linear,
  }
}

/** Elman's network with PyTorch's initial values. */
export const tanhRnn: Layer = (rt, { inputs }, hidden) => new RNN(rt, { inputSize: inputs, hiddenSize: hidden })

/** ReLU with an identity for recurrent weights, so that at first every state is kept. @see Le et al. 2015, https://arxiv.org/abs/1504.00941 */
export const irnn: Layer = (rt, { inputs }, hidden) => {
  const rnn = new RNN(rt, { inputSize: inputs, hiddenSize: hidden, nonlinearity: 'relu' })
  init.identity(valueOf(rnn, 'weight_hh_l0'))
  init.xavierNormal(valueOf(rnn, 'weight_ih_l0'), { gain: 0.5 })
  for (const name of ['bias_ih_l0', 'bias_hh_l0']) valueOf(rnn, name).data.fill(0)
  return rnn
}

/** Gates biased to remember about as long as the sequence is. @see init.chrono, Tallec and Ollivier 2018 */
export const lstm: Layer = (rt, { inputs, steps }, hidden) => {
  const layer = new LSTM(rt, { inputSize: inputs, hiddenSize: hidden })
  init.chrono(layer, steps)
  return layer
}

export const gru: Layer = (rt, { inputs }, hidden) => new GRU(rt, { inputSize: inputs, hiddenSize: hidden })

/** Linear in time, by an orthogonal matrix that training turns but never stretches: norms are kept both ways. */
export const orthogonal: Layer = (rt, { inputs }, hidden) => {
  const cell = orthogonalRnnCell({ nonlinearity: 'identity' })
  return new Recurrent(rt, { cell, sizes: { I: inputs, H: hidden }, init: { bias: 0 } })
}

function valueOf(module: Module, name: string): Tensor {
  return module.parameters().find((parameter) => parameter.name === name)!.value
}
