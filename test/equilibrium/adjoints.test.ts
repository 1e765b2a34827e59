/** What an adjoint tells of its solve, and adjoints that are cut short on purpose. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type AdjointOptions, type SolverOptions, type Tensor, createRuntime } from '../../bindings/index.ts'
import {
  type Gradients,
  type Problem,
  addGradients,
  adjointSolution,
  dampedSteps,
  implicitGradients,
  jacobian,
  multiplyTransposed,
  neumannSum,
  norm,
  pullBack,
  slopes,
  throughSteps,
  zeroGradients,
} from '../reference/equilibrium.ts'
import { SOLVING, differentiate, gradientsOf, solving } from '../support/adjoints.ts'
import { INPUTS, distance, drawProblem, moduleOf, row } from '../support/equilibrium.ts'
import { dot, drawTensor } from '../support/nets.ts'

const double = await createRuntime({ dtype: 'float64', seed: 1 })

/** v itself: of one sample the gradient by the bias is φ'(a) ⊙ v. */
function adjointOf(problem: Problem, z: number[], x: ArrayLike<number>, byBias: readonly number[]): number[] {
  const slope = slopes(problem, z, x)
  return byBias.map((value, i) => value / slope[i])
}

const told = suite('what an adjoint tells')
for (const name of SOLVING) {
  told(`${name}: the residual is that of its result, in all three modes`, () => {
    const n = 6
    const problem = drawProblem('tanh', 'symmetric', { n, inputs: INPUTS, size: 0.95 })
    const [x, g] = [drawTensor(double, 1, 'x', [1, INPUTS]), drawTensor(double, 2, 'g', [1, n], 5)]
    for (const mode of ['relative', 'absolute', 'mixed'] as const) {
      const deq = moduleOf(double, problem, {
        solver: 'newton',
        adjoint: { ...solving(name, 1e-5), mode } as AdjointOptions,
      })
      const { z, b, info } = differentiate(deq, x, g)
      const v = adjointOf(problem, z, x.data, b)
      const value = multiplyTransposed(jacobian(problem, z, x.data), v).map((part, i) => part + g.data[i])
      const expected = distance(value, v) / { relative: norm(value), absolute: 1, mixed: 1 + norm(value) }[mode]
      assert.ok(info!.residual[0] <= 1e-5)
      // v is known to a few roundings, those of its division included
      assert.ok(
        Math.abs(info!.residual[0] - expected) <= 1e-13 * Math.max(1, norm(v)),
        `${info!.residual[0]}; ${expected}`,
      )
      assert.is(info!.trace[0].length, info!.iterations[0] + 1)
      const first = norm(g.data) / { relative: norm(g.data), absolute: 1, mixed: 1 + norm(g.data) }[mode]
      assert.ok(Math.abs(info!.trace[0][0] - first) <= 1e-14 * first, 'the start is 0, F there g')
      assert.is(info!.rowsEvaluated, info!.evaluations[0])
      deq.dispose()
    }
  })
}
told('the error of K terms of the Neumann series falls like ρ^K, within 5 %, where J is normal', () => {
  const n = 6
  for (const kind of ['symmetric', 'rotation'] as const) {
    for (const size of [0.5, 0.8, 0.9]) {
      const problem = drawProblem('identity', kind, { n, inputs: INPUTS, size })
      const [x, g] = [drawTensor(double, 1, 'x', [1, INPUTS]), drawTensor(double, 2, 'g', [1, n])]
      // down to 1e-10 at most: rounding is far below
      const counts = [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1].map((s) => Math.round((s * -23) / Math.log(size)))
      const logs = counts.map((terms) => {
        const deq = moduleOf(double, problem, { solver: 'newton', adjoint: { name: 'neumann', terms } })
        const { b } = differentiate(deq, x, g)
        deq.dispose()
        return Math.log(distance(b, adjointSolution(problem, b, x.data, Array.from(g.data))))
      })
      const slope = slopeOf(counts, logs) / Math.log(size)
      assert.ok(Math.abs(slope - 1) <= 0.05, `${kind}, ρ = ${size}: ${slope} of ln ρ`)
    }
  }
})

/** Of the line of least squares. */
function slopeOf(xs: readonly number[], ys: readonly number[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const [mx, my] = [mean(xs), mean(ys)]
  return (
    dot(
      xs.map((x) => x - mx),
      ys.map((y) => y - my),
    ) /
    dot(
      xs.map((x) => x - mx),
      xs.map((x) => x - mx),
    )
  )
}
told.run()

const truncated = suite('truncated adjoints')
truncated('neumann with K terms is Σ_{i<K} (Jᵀ)^i g, jfb K = 1; no tolerance ends them', () => {
  const n = 5
  for (const size of [0.9, 1.5]) {
    const problem = drawProblem('tanh', 'rotation', { n, inputs: INPUTS, size })
    const [x, g] = [drawTensor(double, 1, 'x', [1, INPUTS], 3), drawTensor(double, 2, 'g', [1, n])]
    for (const K of [1, 2, 3, 10, 150]) {
      for (const adjoint of [{ name: 'neumann', terms: K } as const, ...(K === 1 ? (['jfb'] as const) : [])]) {
        const deq = moduleOf(double, problem, {
          solver: { name: 'newton', maxIter: 1000 },
          adjoint,
          onFailure: 'accept',
        })
        const { z, W, U, b, x: byInput, info } = differentiate(deq, x, g)
        const sum = neumannSum(problem, z, x.data, Array.from(g.data), K)
        const exact = pullBack(problem, z, x.data, sum)
        for (const [key, found] of Object.entries({ W, U, b, x: byInput }) as [keyof Gradients, number[]][])
          // K products of n terms
          assert.ok(
            distance(found, exact[key]) <= 4 * K * n * 2 ** -52 * Math.max(norm(exact[key]), norm(g.data)),
            `K = ${K}: ${key}`,
          )
        assert.is(info!.iterations[0], K)
        assert.is(info!.evaluations[0], K - 1, 'g itself costs nothing')
        deq.dispose()
      }
    }
  }
})
truncated('phantom equals a literal unrolling of damped steps from z*', () => {
  const n = 5
  const problem = drawProblem('tanh', 'general', { n, inputs: INPUTS, size: 0.95 })
  const [x, g] = [drawTensor(double, 1, 'x', [1, INPUTS]), drawTensor(double, 2, 'g', [1, n])]
  for (const terms of [1, 2, 5, 20]) {
    for (const damping of [0.3, 0.5, 1]) {
      const deq = moduleOf(double, problem, {
        solver: { name: 'newton', tol: 1e-14, onFailure: 'accept' },
        adjoint: { name: 'phantom', terms, damping },
      })
      const found = differentiate(deq, x, g)
      const points = dampedSteps(problem, x.data, found.z, terms, damping)
      const { gradients } = throughSteps(problem, x.data, points, damping, g.data)
      for (const key of ['W', 'U', 'b', 'x'] as const)
        // the literal steps move by the residual, 1e-14 or so
        assert.ok(distance(found[key], gradients[key]) <= 1e-12 * norm(gradients[key]), `${terms}, ${damping}: ${key}`)
      deq.dispose()
    }
  }
})
for (const damping of [1, 0.6]) {
  truncated(
    `unrolled equals backpropagation through picard's iterates, damping ${damping}, over time, with a state gradient`,
    () => {
      const [n, T, B] = [4, 3, 3]
      const problem = drawProblem('tanh', 'rotation', { n, inputs: INPUTS, size: 0.9 })
      const solver: SolverOptions = { name: 'picard', damping, tol: 1e-3, maxIter: 60 }
      const deq = moduleOf(double, problem, { solver, adjoint: 'unrolled' })
      const x = drawTensor(double, 1, 'x', [T, B, INPUTS])
      const [g, gState] = [drawTensor(double, 2, 'g', [T, B, n]), drawTensor(double, 3, 'gState', [B, n])]
      const start = drawTensor(double, 4, 'start', [B, n])
      const { info } = deq.forward(x, { state: { z: start } })
      deq.zeroGrad()
      const leaving = deq.backward({ output: g, state: { z: gState } })
      const found = gradientsOf(deq, leaving)
      let exact = zeroGradients(problem)
      for (let i = 0; i < B; i++) {
        const given = (t: number) => row(x.data, t * B + i, INPUTS)
        const runs: number[][][] = []
        for (let t = 0; t < T; t++) {
          const from = t === 0 ? row(start.data, i, n) : runs[t - 1].at(-1)!
          runs.push(dampedSteps(problem, given(t), from, info.iterations[t * B + i], damping))
        }
        let carry = row(gState.data, i, n)
        for (let t = T - 1; t >= 0; t--) {
          const arriving = carry.map((value, k) => value + g.data[(t * B + i) * n + k])
          const { gradients, start: back } = throughSteps(problem, given(t), runs[t], damping, arriving)
          carry = back
          exact = addGradients(exact, gradients)
          const gap = distance(row(found.x, t * B + i, INPUTS), gradients.x)
          assert.ok(gap <= 1e-13 * norm(gradients.x), `x of step ${t}: ${gap}`)
        }
        const byStart = row((leaving.state as { z: Tensor }).z.data, i, n)
        assert.ok(norm(carry) > 1e-6, 'something arrives')
        assert.ok(distance(byStart, carry) <= 1e-13, 'the gradient by the initial state')
      }
      // 30 iterations or so of sums of n terms
      for (const key of ['W', 'U', 'b'] as const)
        assert.ok(distance(found[key], exact[key]) <= 1e-12 * norm(exact[key]), key)
      deq.dispose()
    },
  )
}
truncated(
  'implicit adjoints: gradients by output and state meet at the last step, none goes to the step before',
  () => {
    const [n, T, B] = [4, 3, 2]
    const problem = drawProblem('tanh', 'general', { n, inputs: INPUTS, size: 0.9 })
    const deq = moduleOf(double, problem, {
      solver: { name: 'newton', tol: 1e-13 },
      adjoint: { name: 'lu', tol: 1e-9 },
    })
    const x = drawTensor(double, 1, 'x', [T, B, INPUTS])
    const [g, gState] = [drawTensor(double, 2, 'g', [T, B, n]), drawTensor(double, 3, 'gState', [B, n])]
    for (const ways of ['both', 'output', 'state'] as const) {
      const z = Array.from(deq.forward(x).output.data)
      deq.zeroGrad()
      const leaving = deq.backward({
        ...(ways !== 'state' && { output: g }),
        ...(ways !== 'output' && { state: { z: gState } }),
      })
      const found = gradientsOf(deq, leaving)
      let exact = zeroGradients(problem)
      for (let t = 0; t < T; t++) {
        for (let i = 0; i < B; i++) {
          const index = t * B + i
          const arriving = row(g.data, index, n).map((value, k) => {
            const byState = t === T - 1 && ways !== 'output' ? gState.data[i * n + k] : 0
            return (ways === 'state' ? 0 : value) + byState
          })
          const own = implicitGradients(problem, row(z, index, n), row(x.data, index, INPUTS), arriving)
          exact = addGradients(exact, own)
          assert.ok(distance(row(found.x, index, INPUTS), own.x) <= 1e-10 * (norm(own.x) + 1e-12), `${ways}: x`)
        }
      }
      for (const key of ['W', 'U', 'b'] as const)
        assert.ok(distance(found[key], exact[key]) <= 1e-10 * norm(exact[key]), `${ways}: ${key}`)
      assert.ok(
        (leaving.state as { z: Tensor }).z.data.every((value) => value === 0),
        'a fixed point forgets its start',
      )
    }
    deq.dispose()
  },
)
truncated.run()
