import { blend } from '../program/ops/composed.ts'
import { add, gruGates, linear, mul, rows, slice } from '../program/ops/index.ts'
import type { Value } from '../program/operation.ts'
import { type Cell, defineCell } from '../program/trace.ts'
import { ACTIVATIONS, type ActivationName } from './activations.ts'
import { skipParams, skipSum } from './shortcuts.ts'

export interface GruCellOptions {
  bias: boolean
  /** The reset gate acts after the recurrent product rather than before it. */
  resetAfter: boolean
  /** Of the candidate. */
  activation: ActivationName
  /** Of the two gates. */
  recurrentActivation: ActivationName
  /** Lags of further states that are read: they join the input side, outside the reset gate. */
  skips: readonly number[]
}

/**
 * Gated recurrent unit. Gate blocks in every weight: r, z, n (PyTorch's order); h' = (1 - z) n + z h.
 * resetAfter: n = tanh(W_in x + b_in + r (W_hn h + b_hn)), as in PyTorch; else n = tanh(W_in x + b_in + W_hn (r h) + b_hn).
 * Other activations than sigmoid and tanh run as a chain of plain operations.
 *
 * @see Cho et al. 2014, https://arxiv.org/abs/1406.1078 (there the reset gate stands before the product)
 */
export function gruCell(options: GruCellOptions): Cell {
  const { bias, resetAfter, skips } = options
  const next = resetAfter ? afterProduct(options) : beforeProduct(options)
  return defineCell({
    state: { h: 'H' },
    input: { x: 'I' },
    params: {
      weightIh: ['3H', 'I'],
      weightHh: ['3H', 'H'],
      ...(bias && { biasIh: ['3H'], biasHh: ['3H'] }),
      ...skipParams(skips, '3H', 'H'),
    },
    step: (values) => {
      const h = next(values)
      return { state: { h }, output: h }
    },
  })
}

type Next = (values: Readonly<Record<string, Value>>) => Value

function afterProduct({ activation, recurrentActivation, skips }: GruCellOptions): Next {
  const functions = { activation: ACTIVATIONS[activation], recurrentActivation: ACTIVATIONS[recurrentActivation] }
  return (values) => {
    const { x, h, weightIh, weightHh, biasIh, biasHh } = values
    const given = skipSum(skips, h!, values, linear(x!, weightIh!, biasIh))
    return gruGates(given, linear(h!, weightHh!, biasHh), h!, functions)
  }
}

function beforeProduct({ bias, activation, recurrentActivation, skips }: GruCellOptions): Next {
  const [bend, gate] = [ACTIVATIONS[activation], ACTIVATIONS[recurrentActivation]]
  return (values) => {
    const { x, h, weightIh, weightHh, biasIh, biasHh } = values
    const H = h!.columns
    const gates = skipSum(skips, h!, values, linear(x!, weightIh!, bias ? add(biasIh!, biasHh!) : undefined))
    const rz = gate(linear(h!, rows(weightHh!, 0, 2 * H), slice(gates, 0, 2 * H)))
    const reset = mul(slice(rz, 0, H), h!)
    const n = bend(linear(reset, rows(weightHh!, 2 * H, 3 * H), slice(gates, 2 * H, 3 * H)))
    return blend(slice(rz, H, 2 * H), n, h!)
  }
}
