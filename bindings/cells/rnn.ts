import { type Cell, defineCell } from '../program/trace.ts'
import { add, copy, linear, relu, tanh } from '../program/build.ts'
import { expectOneOf } from '../runtime/check.ts'

export const NONLINEARITIES = { tanh, relu, identity: copy }
export type Nonlinearity = keyof typeof NONLINEARITIES

export function expectNonlinearity(who: string, value: unknown): Nonlinearity {
  return expectOneOf(who, 'nonlinearity', value, Object.keys(NONLINEARITIES) as Nonlinearity[])
}

/** Elman's network: h' = φ(W_ih x + b_ih + W_hh h + b_hh). */
export function rnnCell({ nonlinearity, bias }: { nonlinearity: Nonlinearity; bias: boolean }): Cell {
  return defineCell({
    state: { h: 'H' },
    input: { x: 'I' },
    params: { weightIh: ['H', 'I'], weightHh: ['H', 'H'], ...(bias && { biasIh: ['H'], biasHh: ['H'] }) },
    step: ({ x, h, weightIh, weightHh, biasIh, biasHh }) => {
      const start = bias ? add(biasIh!, biasHh!) : undefined
      const next = NONLINEARITIES[nonlinearity](linear(h!, weightHh!, linear(x!, weightIh!, start)))
      return { state: { h: next }, output: next }
    },
  })
}
