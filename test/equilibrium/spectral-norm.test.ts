/** A bound on the spectral norm of the recurrent weight. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DEQ, type Runtime, type Tensor, createRuntime } from '../../bindings/index.ts'
import { norm, spectralNorm } from '../reference/equilibrium.ts'
import {
  INPUTS,
  distance,
  drawMatrix,
  drawProblem,
  expectDifferences,
  load,
  moduleOf,
  zeros,
} from '../support/equilibrium.ts'
import { dot, drawParameters, drawTensor, numbers } from '../support/nets.ts'
import { EPSILON } from '../support/tolerance.ts'

const double = await createRuntime({ dtype: 'float64', seed: 1 })
const single = await createRuntime({ variant: 'simd', seed: 1 })

const bounded = suite('spectralNorm')

/** Gives W as the module uses it: J of a linear map, from two terms of the Neumann series of each unit vector. */
function weightInUse(rt: Runtime, n: number, limit: number): (W: readonly number[]) => number[] {
  const deq = new DEQ(rt, {
    inputSize: n,
    hiddenSize: n,
    nonlinearity: 'identity',
    spectralNorm: limit,
    adjoint: { name: 'neumann', terms: 2 },
    onFailure: 'accept',
  })
  const U = zeros(n * n).map((_, k) => Number(k % (n + 1) === 0))
  const [x, g] = [rt.tensor(zeros(n * n), [n, n]), rt.tensor(U, [n, n])]
  return (W) => {
    load(deq, { n, inputs: n, nonlinearity: 'identity', W, U, b: zeros(n) })
    deq.forward(x)
    const { input } = deq.backward({ output: g })
    return Array.from((input as Tensor).data, (value, k) => value - U[k])
  }
}
for (const rt of [double, single]) {
  bounded(`the W in use has a norm of at most the limit, and W's direction, ${rt.dtype}`, () => {
    const sizes = rt === double ? [0, 1e-60, 1e-8, 0.5, 1, 30, 1e6, 1e60] : [0, 1e-20, 1e-8, 0.5, 1, 30, 1e6, 1e8]
    for (const n of [1, 2, 3, 8, 33]) {
      for (const limit of [0.9, 1.2]) {
        const inUse = weightInUse(rt, n, limit)
        for (const kind of ['symmetric', 'rotation', 'general'] as const) {
          const unit = drawMatrix(kind, n, 1, n)
          for (const size of sizes) {
            const used = inUse(unit.map((value) => value * size))
            const found = norm(used) === 0 ? 0 : spectralNorm(n, used)
            const rounding = 1 + 8 * n * EPSILON[rt.dtype]
            assert.ok(found <= limit * rounding, `${kind}, n = ${n}, ‖W‖ = ${size}: ${found}`)
            // the bound exceeds ‖W‖ by n^(1/256) at most
            const least = Math.min(size, limit) / n ** (1 / 256) / rounding
            assert.ok(found >= least - 8 * EPSILON[rt.dtype], `${kind}, n = ${n}, ‖W‖ = ${size}: only ${found}`)
            const gap = distance(
              used,
              unit.map((value) => value * found),
            )
            // u + 1 loses what is below rounding of 1
            assert.ok(gap <= 64 * n * EPSILON[rt.dtype], `${kind}, n = ${n}, ‖W‖ = ${size}: ${gap} aside`)
          }
        }
      }
    }
  })
}
bounded('its gradient is that of the solved point, where the limit bites and where it does not', () => {
  for (const size of [0.5, 4]) {
    const problem = drawProblem('tanh', 'general', { n: 5, inputs: INPUTS, size })
    const deq = moduleOf(double, problem, {
      spectralNorm: 0.9,
      solver: { name: 'newton', tol: 1e-14, onFailure: 'accept' },
      adjoint: { name: 'gmres', tol: 1e-13 },
    })
    const x = drawTensor(double, 1, 'x', [3, INPUTS])
    const g = drawTensor(double, 2, 'g', [3, 5])
    const loss = () => dot(deq.forward(x).output.data, g.data)
    loss()
    deq.zeroGrad()
    const byInput = numbers(deq.backward({ output: g }).input as Tensor)
    expectDifferences(deq, x, byInput, loss, 1e-7)
    deq.dispose()
  }
})
bounded('below 1 plain iteration always converges, as fast as the limit says', () => {
  for (const rt of [double, single]) {
    for (let seed = 0; seed < 12; seed++) {
      const n = 1 + 3 * seed
      const deq = new DEQ(rt, {
        inputSize: 2,
        hiddenSize: n,
        spectralNorm: 0.8,
        solver: { name: 'picard', mode: 'absolute', tol: 1e-5, maxIter: 200 },
      })
      drawParameters(deq, seed, 10 ** (seed - 3))
      const { info } = deq.forward(drawTensor(rt, seed, 'x', [4, 2]))
      for (const [i, count] of info.iterations.entries()) {
        // ‖F(z_k) - z_k‖ <= 0.8^k ‖F(0)‖
        const allowed = Math.ceil(Math.log(1e-5 / info.trace[i][0]) / Math.log(0.8))
        assert.ok(info.converged[i] && count <= Math.max(allowed, 0) + 1, `${count} iterations of ${allowed}`)
      }
      deq.dispose()
    }
  }
})
bounded.run()
