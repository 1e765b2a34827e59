import { add, linear, lstmGates } from '../program/ops/index.ts'
import { type Cell, defineCell } from '../program/trace.ts'
import { ACTIVATIONS, type ActivationName } from './activations.ts'
import { skipParams, skipSum } from './shortcuts.ts'

export interface LstmCellOptions {
  bias: boolean
  /** Of the candidate and of the cell on its way out. */
  activation: ActivationName
  /** Of the gates. */
  recurrentActivation: ActivationName
  /** Is h a projection W_hr o tanh(c) of P columns rather than all H? */
  projects: boolean
  /** Lags of further states that are read. */
  skips: readonly number[]
}

/**
 * Long short-term memory. Gate blocks in every weight: i, f, g, o (PyTorch's order).
 * c' = f c + i g; h' = o tanh(c'). Other activations than sigmoid and tanh run as a chain of plain operations.
 *
 * @see Hochreiter and Schmidhuber 1997; with forget gates, Gers et al. 2000; with projections, Sak et al. 2014
 */
export function lstmCell({ bias, activation, recurrentActivation, projects, skips }: LstmCellOptions): Cell {
  const functions = { activation: ACTIVATIONS[activation], recurrentActivation: ACTIVATIONS[recurrentActivation] }
  const P = projects ? 'P' : 'H'
  return defineCell({
    state: { h: P, c: 'H' },
    input: { x: 'I' },
    params: {
      weightIh: ['4H', 'I'],
      weightHh: ['4H', P],
      ...(bias && { biasIh: ['4H'], biasHh: ['4H'] }),
      ...(projects && { weightHr: ['P', 'H'] }),
      ...skipParams(skips, '4H', P),
    },
    step: (values) => {
      const { x, h, c, weightIh, weightHh, biasIh, biasHh, weightHr } = values
      const start = skipSum(skips, h!, values, linear(x!, weightIh!, bias ? add(biasIh!, biasHh!) : undefined))
      const { hidden, cell } = lstmGates(linear(h!, weightHh!, start), c!, functions)
      const next = projects ? linear(hidden, weightHr!) : hidden
      return { state: { h: next, c: cell }, output: next }
    },
  })
}
