import { add, linear, mul, slice } from '../program/build.ts'
import { lstmGates } from '../program/gates.ts'
import type { Value } from '../program/graph.ts'
import { type Cell, defineCell } from '../program/trace.ts'
import { ACTIVATIONS, type ActivationName } from './activations.ts'

export interface LstmCellOptions {
  bias: boolean
  /** Of the candidate and of the cell on its way out. */
  activation: ActivationName
  /** Of the gates. */
  recurrentActivation: ActivationName
}

/**
 * Long short-term memory. Gate blocks in every weight: i, f, g, o (PyTorch's order).
 * c' = f c + i g; h' = o tanh(c'). Other activations than sigmoid and tanh run as a chain of plain operations.
 *
 * @see Hochreiter and Schmidhuber 1997; with forget gates, Gers et al. 2000
 */
export function lstmCell({ bias, activation, recurrentActivation }: LstmCellOptions): Cell {
  const usual = activation === 'tanh' && recurrentActivation === 'sigmoid'
  const gates = usual ? lstmGates : gatesWith(activation, recurrentActivation)
  return defineCell({
    state: { h: 'H', c: 'H' },
    input: { x: 'I' },
    params: { weightIh: ['4H', 'I'], weightHh: ['4H', 'H'], ...(bias && { biasIh: ['4H'], biasHh: ['4H'] }) },
    step: ({ x, h, c, weightIh, weightHh, biasIh, biasHh }) => {
      const start = bias ? add(biasIh!, biasHh!) : undefined
      const next = gates(linear(h!, weightHh!, linear(x!, weightIh!, start)), c!)
      return { state: { h: next.hidden, c: next.cell }, output: next.hidden }
    },
  })
}

function gatesWith(activation: ActivationName, recurrentActivation: ActivationName): typeof lstmGates {
  const [bend, gate] = [ACTIVATIONS[activation], ACTIVATIONS[recurrentActivation]]
  return (preactivations: Value, cell: Value) => {
    const H = cell.columns
    const block = (k: number) => slice(preactivations, k * H, (k + 1) * H)
    const next = add(mul(gate(block(1)), cell), mul(gate(block(0)), bend(block(2))))
    return { hidden: mul(gate(block(3)), bend(next)), cell: next }
  }
}
