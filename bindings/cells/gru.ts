import { add, linear, mul, rows, sigmoid, slice, tanh } from '../program/build.ts'
import { blend, gruGates } from '../program/gates.ts'
import type { Value } from '../program/graph.ts'
import { type Cell, defineCell } from '../program/trace.ts'

/**
 * Gated recurrent unit. Gate blocks in every weight: r, z, n (PyTorch's order); h' = (1 - z) n + z h.
 * resetAfter: n = tanh(W_in x + b_in + r (W_hn h + b_hn)), as in PyTorch; else n = tanh(W_in x + b_in + W_hn (r h) + b_hn).
 *
 * @see Cho et al. 2014, https://arxiv.org/abs/1406.1078 (there the reset gate stands before the product)
 */
export function gruCell({ bias, resetAfter }: { bias: boolean; resetAfter: boolean }): Cell {
  return defineCell({
    state: { h: 'H' },
    input: { x: 'I' },
    params: { weightIh: ['3H', 'I'], weightHh: ['3H', 'H'], ...(bias && { biasIh: ['3H'], biasHh: ['3H'] }) },
    step: (values) => {
      const next = resetAfter ? afterProduct(values) : beforeProduct(values, bias)
      return { state: { h: next }, output: next }
    },
  })
}

type Values = Readonly<Record<string, Value>>

function afterProduct({ x, h, weightIh, weightHh, biasIh, biasHh }: Values): Value {
  return gruGates(linear(x!, weightIh!, biasIh), linear(h!, weightHh!, biasHh), h!)
}

function beforeProduct({ x, h, weightIh, weightHh, biasIh, biasHh }: Values, bias: boolean): Value {
  const H = h!.columns
  const gates = linear(x!, weightIh!, bias ? add(biasIh!, biasHh!) : undefined)
  const rz = sigmoid(linear(h!, rows(weightHh!, 0, 2 * H), slice(gates, 0, 2 * H)))
  const reset = mul(slice(rz, 0, H), h!)
  const n = tanh(linear(reset, rows(weightHh!, 2 * H, 3 * H), slice(gates, 2 * H, 3 * H)))
  return blend(slice(rz, H, 2 * H), n, h!)
}
