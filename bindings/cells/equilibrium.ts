import { div, linear, matmul, mul, relu, scale, shift, sqrt, square, sum, transpose } from '../program/ops/index.ts'
import { columnSum } from '../program/ops/broadcast.ts'
import type { Value } from '../program/operation.ts'
import { type Cell, defineCell } from '../program/trace.ts'
import { ACTIVATIONS, type ActivationName } from './activations.ts'

export interface EquilibriumCellOptions {
  readonly nonlinearity: ActivationName
  readonly bias: boolean
  /** Greatest spectral norm of W in use; undefined: W as it is. */
  readonly spectralNorm: number | undefined
}

/** z' = φ(W z + U x + b). Sizes I, H. */
export function equilibriumCell({ nonlinearity, bias, spectralNorm }: EquilibriumCellOptions): Cell {
  return defineCell({
    state: { z: 'H' },
    input: { x: 'I' },
    params: { weightHh: ['H', 'H'], weightIh: ['H', 'I'], ...(bias && { bias: ['H'] }) },
    step: ({ x, z, weightHh, weightIh, bias: start }) => {
      const W = spectralNorm === undefined ? weightHh! : bounded(weightHh!, spectralNorm)
      const next = ACTIVATIONS[nonlinearity](linear(z!, W, linear(x!, weightIh!, start)))
      return { state: { z: next }, output: next }
    },
  })
}

/** Squarings of WᵀW: the bound exceeds σ by a factor of at most n^(1 / 2^(SQUARINGS + 2)), 2 % for n = 128. */
const SQUARINGS = 6
/** Keeps a matrix of zeros from dividing by 0. */
const TINY = 1e-30

/**
 * W · limit / max(limit, σ), σ being an upper bound of W's spectral norm, so that ‖result‖ <= limit whatever W holds. Of A = VᵀV, V being
 * W / ‖W‖_F, σ² = ‖W‖_F² ‖A^p‖_F^(1/p) with p = 2^SQUARINGS: by repeated squaring, each square scaled by its norm, whose roots are
 * multiplied up. The gradient goes through σ, too.
 */
function bounded(W: Value, limit: number): Value {
  const size = frobenius(W)
  const V = div(W, size)
  let A = matmul(transpose(V), V)
  let squared = frobenius(A)
  for (let i = 1; i <= SQUARINGS; i++) {
    A = div(A, frobenius(A))
    A = matmul(A, A)
    squared = mul(squared, root(frobenius(A), i))
  }
  const sigma = mul(size, sqrt(squared))
  return scale(div(W, shift(relu(shift(sigma, -limit)), limit)), limit)
}

/** [1, 1]. */
const frobenius = (A: Value): Value => sqrt(shift(sum(columnSum(square(A))), TINY))

/** x^(1 / 2^halvings). */
function root(x: Value, halvings: number): Value {
  return halvings === 0 ? x : root(sqrt(x), halvings - 1)
}
