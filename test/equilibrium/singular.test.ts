/** Linear systems of a backward that have no solution, or nearly none. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createRuntime } from '../../bindings/index.ts'
import { type Problem, norm } from '../reference/equilibrium.ts'
import { INPUTS, disguised, drawProblem, gradientOf, moduleOf } from '../support/equilibrium.ts'
import { drawTensor } from '../support/nets.ts'
import { expectError } from '../support/refusals.ts'

const double = await createRuntime({ dtype: 'float64', seed: 1 })
const single = await createRuntime({ variant: 'simd', seed: 1 })
const runtimes = [single, double]

/** Eigenvalue 1 once, the others within the unit circle: I - W has no inverse. */
function singularProblem(n: number, seed: number): Problem {
  const diagonal = Array.from({ length: n * n }, (_, k) => (k % (n + 1) > 0 ? 0 : k === 0 ? 1 : 0.7 * Math.cos(k)))
  const base = drawProblem('identity', 'general', { n, inputs: INPUTS, size: 1 })
  return { ...base, W: disguised(n, diagonal, seed), b: base.b.map(() => 0) }
}

const singular = suite('I - J without an inverse')
for (const rt of runtimes) {
  for (const name of ['lu', 'gmres'] as const) {
    singular(`${name}, ${rt.dtype}: said, and no gradient changes`, () => {
      for (const n of [1, 2, 3, 5, 8]) {
        for (const seed of [1, 2, 3]) {
          const deq = moduleOf(rt, singularProblem(n, seed), { adjoint: name })
          deq.forward(rt.tensor([0, 0, 0], [1, INPUTS]))
          for (const { grad } of deq.parameters()) grad.data.fill(7)
          const g = drawTensor(rt, 1, 'g', [1, n])
          expectError('convergence', ['DEQ.backward', name, 'I - J has no inverse'], () => deq.backward({ output: g }))
          for (const { grad } of deq.parameters()) assert.ok(grad.data.every((value) => value === 7))
          deq.dispose()
        }
      }
    })
    singular(`${name}, ${rt.dtype}: where numbers are exact, too`, () => {
      for (const W of [
        [1, 0, 0, 0.5],
        [1, 0, 0, 1],
        [1, 1, 0, 1],
        [0, 1, 1, 0],
      ]) {
        const problem: Problem = { n: 2, inputs: 1, nonlinearity: 'identity', W, U: [1, 1], b: [0, 0] }
        const deq = moduleOf(rt, problem, { adjoint: name })
        deq.forward(rt.tensor([0], [1, 1]))
        const g = rt.tensor([1, 0.25], [1, 2])
        expectError('convergence', ['I - J has no inverse'], () => deq.backward({ output: g }))
        deq.dispose()
      }
    })
  }
  singular(`${rt.dtype}: a matrix that is nearly so is solved`, () => {
    // ‖(I - W)⁻¹‖ = 2^10, exact in both precisions
    const problem: Problem = {
      n: 2,
      inputs: 1,
      nonlinearity: 'identity',
      W: [1 - 2 ** -10, 0, 0, 0.5],
      U: [1, 1],
      b: [0, 0],
    }
    for (const adjoint of ['lu', 'gmres', 'bicgstab'] as const) {
      const deq = moduleOf(rt, problem, { adjoint })
      deq.forward(rt.tensor([0], [1, 1]))
      deq.backward({ output: rt.tensor([1, 1], [1, 2]) })
      const gap = norm(gradientOf(deq, 'bias').map((value, i) => value - [1024, 2][i]))
      // the residual may be tol ‖v‖, and 2^10 of it the error
      assert.ok(gap <= 1024 * 1024 * (rt.dtype === 'float64' ? 1e-10 : 1e-5), `${adjoint}: ${gap}`)
      deq.dispose()
    }
  })
}
singular('gmres that is asked for more than the precision holds says that it stagnated', () => {
  const problem = drawProblem('tanh', 'general', { n: 24, inputs: INPUTS, size: 0.9 })
  const deq = moduleOf(single, problem, { adjoint: { name: 'gmres', tol: 1e-12 }, solver: 'newton' })
  const { output } = deq.forward(drawTensor(single, 1, 'x', [1, INPUTS]))
  expectError('convergence', ['stagnated'], () => deq.backward({ output }))
})
singular.run()
