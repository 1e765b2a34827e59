import { linear } from '../program/ops/index.ts'
import { type Cell, defineCell } from '../program/trace.ts'

/** A step without state: x Wᵀ + b. */
export function linearCell({ bias }: { bias: boolean }): Cell {
  return defineCell({
    state: {},
    input: { x: 'I' },
    params: { weight: ['O', 'I'], ...(bias && { bias: ['O'] }) },
    step: ({ x, weight, bias: start }) => ({ state: {}, output: linear(x!, weight!, start) }),
  })
}
