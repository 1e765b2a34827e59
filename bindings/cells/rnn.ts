import { type Cell, defineCell } from '../program/trace.ts'
import { add, linear, relu, tanh } from '../program/ops/index.ts'
import { copy } from '../program/ops/elementwise.ts'
import { expectOneOf } from '../runtime/check.ts'
import { skipParams, skipSum } from './shortcuts.ts'

export const NONLINEARITIES = { tanh, relu, identity: copy }
export type Nonlinearity = keyof typeof NONLINEARITIES

export function expectNonlinearity(who: string, value: unknown): Nonlinearity {
  return expectOneOf(who, 'nonlinearity', value, Object.keys(NONLINEARITIES) as Nonlinearity[])
}

export interface RnnCellOptions {
  nonlinearity: Nonlinearity
  bias: boolean
  /** Lags of further states that are read. */
  skips: readonly number[]
}

/** Elman's network: h' = φ(W_ih x + b_ih + W_hh h + b_hh + Σ_s W_s h_{t-s}). */
export function rnnCell({ nonlinearity, bias, skips }: RnnCellOptions): Cell {
  return defineCell({
    state: { h: 'H' },
    input: { x: 'I' },
    params: {
      weightIh: ['H', 'I'],
      weightHh: ['H', 'H'],
      ...(bias && { biasIh: ['H'], biasHh: ['H'] }),
      ...skipParams(skips, 'H', 'H'),
    },
    step: (values) => {
      const { x, h, weightIh, weightHh, biasIh, biasHh } = values
      const start = skipSum(skips, h!, values, linear(x!, weightIh!, bias ? add(biasIh!, biasHh!) : undefined))
      const next = NONLINEARITIES[nonlinearity](linear(h!, weightHh!, start))
      return { state: { h: next }, output: next }
    },
  })
}
