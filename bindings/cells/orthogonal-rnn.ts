import { add, identity, linear, solve, sub, transpose } from '../program/ops/index.ts'
import { type Cell, defineCell } from '../program/trace.ts'
import { expectBoolean, expectOptions } from '../runtime/check.ts'
import { NONLINEARITIES, type Nonlinearity, expectNonlinearity } from './rnn.ts'

export interface OrthogonalRnnOptions {
  /** 'tanh' if left out. */
  nonlinearity?: Nonlinearity
  /** true if left out. */
  bias?: boolean
}

/**
 * A recurrence whose recurrent matrix Q is orthogonal whatever its parameter holds, so that it stays so while training:
 * h' = φ(W_ih x + b + Q h), Q = (I + A)⁻¹ (I - A), A = S - Sᵀ. S is `skewHh`, any [H, H]. Q is made once where
 * parameters changed, by O(H³) operations in float64. Sizes I, H; output [B, H].
 *
 * @see Helfrich, Willmott, Ye 2018, https://arxiv.org/abs/1707.09520: scoRNN without its diagonal of signs, so that Q takes
 *   every orthogonal matrix that has no eigenvalue -1; there A is the parameter and φ is modReLU
 */
export function orthogonalRnnCell(options: OrthogonalRnnOptions = {}): Cell {
  expectOptions('orthogonalRnnCell', options, ['nonlinearity', 'bias'])
  const { nonlinearity = 'tanh', bias = true } = options
  expectNonlinearity('orthogonalRnnCell', nonlinearity)
  expectBoolean('orthogonalRnnCell', 'bias', bias)
  return defineCell({
    state: { h: 'H' },
    input: { x: 'I' },
    params: { weightIh: ['H', 'I'], skewHh: ['H', 'H'], ...(bias && { bias: ['H'] }) },
    step: ({ x, h, weightIh, skewHh, bias: start }) => {
      const A = sub(skewHh!, transpose(skewHh!))
      const one = identity(h!.columns)
      const Q = solve(add(one, A), sub(one, A))
      const next = NONLINEARITIES[nonlinearity](linear(h!, Q, linear(x!, weightIh!, start)))
      return { state: { h: next }, output: next }
    },
  })
}
