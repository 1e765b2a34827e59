import { add, identity, linear, mul, scale, sigmoid, slice, sub, tanh, transpose } from '../program/ops/index.ts'
import type { Value } from '../program/operation.ts'
import { type Cell, defineCell } from '../program/trace.ts'
import { expectBoolean, expectNumber, expectOptions } from '../runtime/check.ts'

export interface AntisymmetricRnnOptions {
  /** Step of the Euler scheme; 0.01 if left out. */
  epsilon?: number
  /** Diffusion that makes the scheme stable; 0.01 if left out. */
  gamma?: number
  /** A gate before the step; false if left out. */
  gated?: boolean
  /** true if left out. */
  bias?: boolean
}

/**
 * An ordinary differential equation of which the Jacobian's eigenvalues lie near the imaginary axis, in Euler steps:
 * h' = h + ε tanh(M h + W_ih x + b), M = W_hh - W_hhᵀ - γ I. Gated: h' = h + ε z ⊙ tanh(…), z = σ(M h + W_z x + b_z), with
 * blocks z, candidate in `weightIh` and `bias`. Sizes I, H; output [B, H].
 *
 * @see Chang, Chen, Haber, Chi 2019, https://arxiv.org/abs/1902.09689
 */
export function antisymmetricRnnCell(options: AntisymmetricRnnOptions = {}): Cell {
  expectOptions('antisymmetricRnnCell', options, ['epsilon', 'gamma', 'gated', 'bias'])
  const { epsilon = 0.01, gamma = 0.01, gated = false, bias = true } = options
  expectNumber('antisymmetricRnnCell', 'epsilon', epsilon)
  expectNumber('antisymmetricRnnCell', 'gamma', gamma)
  expectBoolean('antisymmetricRnnCell', 'gated', gated)
  expectBoolean('antisymmetricRnnCell', 'bias', bias)
  const wide = gated ? '2H' : 'H'
  return defineCell({
    state: { h: 'H' },
    input: { x: 'I' },
    params: { weightIh: [wide, 'I'], weightHh: ['H', 'H'], ...(bias && { bias: [wide] }) },
    step: ({ x, h, weightIh, weightHh, bias: start }) => {
      const M = sub(sub(weightHh!, transpose(weightHh!)), scale(identity(h!.columns), gamma))
      const change = (gated ? gatedChange : plainChange)(h!, M, linear(x!, weightIh!, start))
      const next = add(h!, scale(change, epsilon))
      return { state: { h: next }, output: next }
    },
  })
}

function plainChange(h: Value, M: Value, drive: Value): Value {
  return tanh(linear(h, M, drive))
}

function gatedChange(h: Value, M: Value, drive: Value): Value {
  const H = h.columns
  const recurrent = linear(h, M)
  const z = sigmoid(add(recurrent, slice(drive, 0, H)))
  return mul(z, tanh(add(recurrent, slice(drive, H, 2 * H))))
}
