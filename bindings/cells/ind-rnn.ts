import { add, linear, mul } from '../program/ops/index.ts'
import { type Cell, defineCell } from '../program/trace.ts'
import { expectBoolean, expectOptions } from '../runtime/check.ts'
import { NONLINEARITIES, type Nonlinearity, expectNonlinearity } from './rnn.ts'

export interface IndRnnOptions {
  /** 'relu' if left out, as in the paper. */
  nonlinearity?: Nonlinearity
  /** true if left out. */
  bias?: boolean
}

/**
 * Independently recurrent units: h' = φ(W_ih x + b + u ⊙ h). u is `weightHh`, [H], at first from U(0, 1): each unit
 * remembers on a time scale of its own, and the gradient through time is a product of numbers. Sizes I, H; output [B, H].
 *
 * @see Li et al. 2018, https://arxiv.org/abs/1803.04831
 */
export function indRnnCell(options: IndRnnOptions = {}): Cell {
  expectOptions('indRnnCell', options, ['nonlinearity', 'bias'])
  const { nonlinearity = 'relu', bias = true } = options
  expectNonlinearity('indRnnCell', nonlinearity)
  expectBoolean('indRnnCell', 'bias', bias)
  return defineCell({
    state: { h: 'H' },
    input: { x: 'I' },
    params: { weightIh: ['H', 'I'], weightHh: ['H'], ...(bias && { bias: ['H'] }) },
    initial: { weightHh: [0, 1] },
    step: ({ x, h, weightIh, weightHh, bias: start }) => {
      const next = NONLINEARITIES[nonlinearity](add(linear(x!, weightIh!, start), mul(weightHh!, h!)))
      return { state: { h: next }, output: next }
    },
  })
}
