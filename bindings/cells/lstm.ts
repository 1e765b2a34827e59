import { add, linear } from '../program/build.ts'
import { lstmGates } from '../program/gates.ts'
import { type Cell, defineCell } from '../program/trace.ts'

/**
 * Long short-term memory. Gate blocks in every weight: i, f, g, o (PyTorch's order).
 * c' = f c + i g; h' = o tanh(c').
 *
 * @see Hochreiter and Schmidhuber 1997; with forget gates, Gers et al. 2000
 */
export function lstmCell({ bias }: { bias: boolean }): Cell {
  return defineCell({
    state: { h: 'H', c: 'H' },
    input: { x: 'I' },
    params: { weightIh: ['4H', 'I'], weightHh: ['4H', 'H'], ...(bias && { biasIh: ['4H'], biasHh: ['4H'] }) },
    step: ({ x, h, c, weightIh, weightHh, biasIh, biasHh }) => {
      const start = bias ? add(biasIh!, biasHh!) : undefined
      const next = lstmGates(linear(h!, weightHh!, linear(x!, weightIh!, start)), c!)
      return { state: { h: next.hidden, c: next.cell }, output: next.hidden }
    },
  })
}
