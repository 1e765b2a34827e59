/** Fixed points differentiated: the adjoints that solve to a tolerance, and all gradients of one backward. */
import type { AdjointOptions, DEQ, DEQInputGradients, Tensor } from '../../bindings/index.ts'
import type { Gradients } from '../reference/equilibrium.ts'
import { gradientOf } from './equilibrium.ts'

/** Those that solve (I - Jᵀ) v = g to a tolerance. */
export const SOLVING = ['neumann', 'gmres', 'bicgstab', 'lu', 'anderson', 'broyden'] as const

/** The module's names of the reference's parameters. */
export const NAMES = { W: 'weight_hh', U: 'weight_ih', b: 'bias' } as const

/** An adjoint with room enough for a small dense problem: m >= n makes Anderson's mixing a full Krylov method. */
export function solving(name: (typeof SOLVING)[number], tol: number): AdjointOptions {
  if (name === 'lu') return { name, tol }
  return { name, tol, maxIter: 4000, ...(name === 'anderson' && { m: 8 }) }
}

export function gradientsOf(deq: DEQ, { input }: DEQInputGradients): Gradients {
  const [W, U, b] = Object.values(NAMES).map((name) => gradientOf(deq, name))
  return { W, U, b, x: Array.from((input as Tensor).data) }
}

/** One forward and one backward, gradients from 0. */
export function differentiate(
  deq: DEQ,
  x: Tensor,
  g: Tensor,
): Gradients & { z: number[]; info: DEQInputGradients['info'] } {
  const { output } = deq.forward(x)
  const z = Array.from(output.data)
  deq.zeroGrad()
  const leaving = deq.backward({ output: g })
  return { ...gradientsOf(deq, leaving), z, info: leaving.info }
}
