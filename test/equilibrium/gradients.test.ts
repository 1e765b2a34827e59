/** Gradients of fixed points by every adjoint: against dense solves, against differences of the solved point, against literal unrolling. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type AdjointName,
  type AdjointOptions,
  type DEQ,
  type DEQInputGradients,
  type Runtime,
  type SolverOptions,
  type Tensor,
  createRuntime,
} from '../../bindings/index.ts'
import {
  type Gradients,
  type Problem,
  addGradients,
  adjointSolution,
  dampedSteps,
  identityMinus,
  implicitGradients,
  inverse,
  iteratedPoint,
  jacobian,
  multiplyTransposed,
  neumannSum,
  newtonPoint,
  norm,
  pullBack,
  slopes,
  spectralNorm,
  spectralRadius,
  throughSteps,
  transposed,
  zeroGradients,
} from '../reference/equilibrium.ts'
import { solveReference } from '../reference/solve.ts'
import { type MatrixKind, drawProblem, gradientOf, moduleOf, row } from '../support/equilibrium.ts'
import { generate } from '../support/generator.ts'
import { dot, drawTensor } from '../support/nets.ts'

const double = await createRuntime({ dtype: 'float64', seed: 1 })
const single = await createRuntime({ variant: 'simd', seed: 1 })

const INPUTS = 3
const KINDS: readonly MatrixKind[] = ['symmetric', 'rotation', 'general']
/** Those that solve (I - Jᵀ) v = g to a tolerance. */
const SOLVING = ['neumann', 'gmres', 'bicgstab', 'lu', 'anderson', 'broyden'] as const
const difference = (a: readonly number[], b: readonly number[]) => norm(a.map((value, i) => value - b[i]))
const NAMES = { W: 'weight_hh', U: 'weight_ih', b: 'bias' } as const

/** An adjoint with room enough for a small dense problem: m >= n makes Anderson's mixing a full Krylov method. */
function solving(name: (typeof SOLVING)[number], tol: number): AdjointOptions {
  if (name === 'lu') return { name, tol }
  return { name, tol, maxIter: 4000, ...(name === 'anderson' && { m: 8 }) }
}

function gradientsOf(deq: DEQ, { input }: DEQInputGradients): Gradients {
  const [W, U, b] = Object.values(NAMES).map((name) => gradientOf(deq, name))
  return { W, U, b, x: Array.from((input as Tensor).data) }
}

/** One forward and one backward, gradients from 0. */
function differentiate(deq: DEQ, x: Tensor, g: Tensor): Gradients & { z: number[]; info: DEQInputGradients['info'] } {
  const { output } = deq.forward(x)
  const z = Array.from(output.data)
  deq.zeroGrad()
  const leaving = deq.backward({ output: g })
  return { ...gradientsOf(deq, leaving), z, info: leaving.info }
}

const self = suite('the reference')
self('its implicit gradients are central differences of the solved point', () => {
  for (const size of [0.9, 1.2]) {
    const problem = drawProblem('tanh', 'rotation', { n: 4, inputs: INPUTS, size })
    const x = generate(1, 'x', INPUTS)
    const g = generate(2, 'g', 4)
    const z = newtonPoint(problem, x, iteratedPoint({ ...problem, W: problem.W.map((w) => w / 2) }, x))
    const gradients = implicitGradients(problem, z, x, g)
    const H = 1e-5
    const loss = (moved: Problem, given: ArrayLike<number>) => dot(newtonPoint(moved, given, z), g)
    const nudged = (values: ArrayLike<number>, k: number, h: number) =>
      Array.from(values, (v, i) => (i === k ? v + h : v))
    for (const key of ['W', 'U', 'b'] as const) {
      for (const [k, value] of gradients[key].entries()) {
        const at = (h: number) => loss({ ...problem, [key]: nudged(problem[key], k, h) }, x)
        // h² f''' / 6 and rounding / h, both below 1e-8 here
        assert.ok(Math.abs((at(H) - at(-H)) / (2 * H) - value) <= 1e-8 * norm(gradients[key]), `${key}[${k}]`)
      }
    }
    for (const [k, value] of gradients.x.entries()) {
      const at = (h: number) => loss(problem, nudged(x, k, h))
      assert.ok(Math.abs((at(H) - at(-H)) / (2 * H) - value) <= 1e-8 * norm(gradients.x), `x[${k}]`)
    }
  }
})
self.run()

const linear = suite('gradients of a linear map')
for (const name of SOLVING) {
  linear(`${name}: the adjoint is (I - W)⁻ᵀ g to 1e-9, for odd and even widths, alone and in a batch`, () => {
    for (const kind of KINDS) {
      for (const n of [1, 2, 3, 5, 8, 17]) {
        for (const B of [1, 4]) {
          const problem = drawProblem('identity', kind, { n, inputs: INPUTS, size: 0.8 })
          const deq = moduleOf(double, problem, {
            solver: { name: 'newton', tol: 1e-13 },
            adjoint: name === 'anderson' ? { name, tol: 1e-13, maxIter: 1000 } : solving(name, 1e-13),
          })
          const [x, g] = [drawTensor(double, 2, 'x', [B, INPUTS]), drawTensor(double, 3, 'g', [B, n])]
          const found = differentiate(deq, x, g)
          const matrix = transposed(n, identityMinus(n, problem.W))
          let exact = zeroGradients(problem)
          for (let i = 0; i < B; i++) {
            const v = solveReference(n, 1, matrix, row(g.data, i, n))
            exact = addGradients(exact, pullBack(problem, row(found.z, i, n), row(x.data, i, INPUTS), v))
            const byInput = multiplyTransposed(problem.U, v)
            assert.ok(difference(row(found.x, i, INPUTS), byInput) <= 1e-9 * norm(byInput), `${kind}, n = ${n}: x`)
          }
          for (const key of ['W', 'U', 'b'] as const)
            assert.ok(difference(found[key], exact[key]) <= 1e-9 * norm(exact[key]), `${kind}, n = ${n}: ${key}`)
          deq.dispose()
        }
      }
    }
  })
}
linear.run()

/** How far gradients of one sample may be off, where z* was found to `tolF` and its adjoint to `tolB`, both relative. */
function boundsOf(
  problem: Problem,
  z: number[],
  x: number[],
  g: number[],
  tolF: number,
  tolB: number,
  epsilon = 2 ** -52,
): Record<keyof Gradients, number> & { reach: number } {
  const { n } = problem
  const reach = spectralNorm(n, inverse(n, identityMinus(n, jacobian(problem, z, x))))
  const size = spectralNorm(n, problem.W)
  const v = norm(adjointSolution(problem, z, x, g))
  const rounding = 4 * n * epsilon
  const [atPoint, slack] = [norm(z), 1.1] // slack: of second order
  const dz = reach * (slack * tolF + rounding) * atPoint
  // |tanh''| <= 0.77
  const dSlope = problem.nonlinearity === 'tanh' ? 0.77 * size * dz : 0
  const dv = reach * (slack * tolB + dSlope * size + rounding) * v
  const da = dv + dSlope * v + rounding * v
  return { W: da * atPoint + v * dz, U: da * norm(x), b: da, x: da * norm(problem.U), reach }
}

const nonlinear = suite('gradients of a tanh map')
const [TOL_FORWARD, TOL_BACKWARD] = [1e-12, 1e-11]
for (const kind of ['symmetric', 'rotation'] as const) {
  for (const size of [0.5, 0.9, 0.99, 1.2]) {
    const title = `‖W‖ = ${size}, ${kind}`
    const [n, B] = [7, 4]
    const problem = drawProblem('tanh', kind, { n, inputs: INPUTS, size })
    const x = drawTensor(double, 1, 'x', [B, INPUTS])
    const g = drawTensor(double, 2, 'g', [B, n])
    const given = (i: number) => row(x.data, i, INPUTS)
    const incoming = (i: number) => row(g.data, i, n)
    const newton: SolverOptions = { name: 'newton', tol: TOL_FORWARD, maxIter: 3000 }

    nonlinear(`${title}: every adjoint solve is within cond(I - J) · tol of the dense one`, () => {
      for (const name of SOLVING) {
        const deq = moduleOf(double, problem, {
          solver: newton,
          adjoint: { ...solving(name, TOL_BACKWARD), onFailure: 'accept' },
        })
        const found = differentiate(deq, x, g)
        const points = Array.from({ length: B }, (_, i) => newtonPoint(problem, given(i), row(found.z, i, n)))
        const radii = points.map((z, i) => spectralRadius(n, jacobian(problem, z, given(i))))
        const diverges = name === 'neumann' && Math.max(...radii) > 0.995
        if (diverges)
          assert.ok(
            found.info!.outcome.some((outcome) => outcome === 'growing'),
            'neumann says that it grows',
          )
        else assert.ok(found.info!.converged.every(Boolean), `${name}: ${found.info!.outcome.join()}`)
        if (!diverges) expectWithin(name, found, points)
        deq.dispose()
      }
    })
    if (size < 1) {
      nonlinear(`${title}: unrolling long enough joins them`, () => {
        const deq = moduleOf(double, problem, {
          solver: { name: 'picard', tol: TOL_FORWARD, maxIter: 3000 },
          adjoint: 'unrolled',
        })
        const found = differentiate(deq, x, g)
        const points = Array.from({ length: B }, (_, i) => newtonPoint(problem, given(i), row(found.z, i, n)))
        const { info } = deq.forward(x)
        // d(z_k - z*)/dθ after k steps is like k ρ^(k-1), ρ^k being like tol: as the adjoint's residual it is k tol
        expectWithin('unrolled', found, points, Math.max(...info.iterations) * TOL_FORWARD * 10)
        deq.dispose()
      })
    }
    nonlinear(`${title}: … and with central differences of the module's own solved point`, () => {
      const deq = moduleOf(double, problem, {
        solver: { ...newton, tol: 1e-14, onFailure: 'accept' },
        adjoint: { name: 'gmres', tol: 1e-13 },
      })
      const found = differentiate(deq, x, g)
      const state = { z: double.tensor(found.z, [B, n]) }
      const loss = () => dot(deq.forward(x, { state }).output.data, g.data)
      const values: [keyof Gradients, Tensor][] = [
        ...deq.parameters().map(({ name, value }): [keyof Gradients, Tensor] => {
          return [(Object.keys(NAMES) as ('W' | 'U' | 'b')[]).find((key) => NAMES[key] === name)!, value]
        }),
        ['x', x],
      ]
      const H = 1e-5
      for (const [key, tensor] of values) {
        for (let d = 0; d < 3; d++) {
          const start = Array.from(tensor.data)
          const direction = generate(d, `direction ${key}`, tensor.size)
          const at = (h: number) => {
            tensor.data.set(start.map((value, i) => value + h * direction[i]))
            return loss()
          }
          const numeric = (at(H) - at(-H)) / (2 * H)
          tensor.data.set(start)
          const gap = Math.abs(numeric - dot(direction, found[key]))
          // z*(θ) has third derivatives like reach³ (reach <= 10 or so here): h² of them, and rounding / h
          const reach = Math.max(
            ...Array.from(
              { length: B },
              (_, i) => boundsOf(problem, row(found.z, i, n), given(i), incoming(i), 0, 0).reach,
            ),
          )
          const bound = (H * H * reach ** 3 + (reach * 1e-14) / H) * norm(found[key]) * norm(direction)
          assert.ok(gap <= bound, `${key}: ${gap}; bound ${bound}`)
          assert.ok(bound <= 1e-3 * norm(found[key]), 'a bound that says something')
        }
      }
      deq.dispose()
    })

    function expectWithin(name: string, found: Gradients, points: number[][], tolB = TOL_BACKWARD): void {
      let exact = zeroGradients(problem)
      const bound = { W: 0, U: 0, b: 0 }
      for (const [i, z] of points.entries()) {
        const own = implicitGradients(problem, z, given(i), incoming(i))
        const off = boundsOf(problem, z, given(i), incoming(i), TOL_FORWARD, tolB)
        exact = addGradients(exact, own)
        for (const key of ['W', 'U', 'b'] as const) bound[key] += off[key]
        const gap = difference(row(found.x, i, INPUTS), own.x)
        assert.ok(
          gap <= off.x && off.x <= 1e-3 * norm(own.x),
          `${name}: x of sample ${i} is ${gap} off; bound ${off.x}`,
        )
      }
      for (const key of ['W', 'U', 'b'] as const) {
        const gap = difference(found[key], exact[key])
        assert.ok(gap <= bound[key], `${name}: ${key} is ${gap} off; bound ${bound[key]}`)
        assert.ok(bound[key] <= 1e-3 * norm(exact[key]), 'a bound that says something')
      }
    }
  }
}
nonlinear('in float32: every adjoint, by the tolerances that it has of itself', () => {
  const [n, B] = [7, 4]
  const drawn = drawProblem('tanh', 'rotation', { n, inputs: INPUTS, size: 0.9 })
  const rounded = (values: readonly number[]) => values.map(Math.fround)
  const problem = { ...drawn, W: rounded(drawn.W), U: rounded(drawn.U), b: rounded(drawn.b) }
  const [x, g] = [drawTensor(single, 1, 'x', [B, INPUTS]), drawTensor(single, 2, 'g', [B, n])]
  for (const name of SOLVING) {
    const deq = moduleOf(single, problem, { adjoint: name === 'neumann' ? { name, maxIter: 300 } : name })
    const found = differentiate(deq, x, g)
    for (let i = 0; i < B; i++) {
      const [given, incoming] = [row(x.data, i, INPUTS), row(g.data, i, n)]
      const z = iteratedPoint(problem, given)
      const own = implicitGradients(problem, z, given, incoming).x
      const bound = boundsOf(problem, z, given, incoming, 1e-5, 1e-5, 2 ** -23).x
      const gap = difference(row(found.x, i, INPUTS), own)
      assert.ok(gap <= bound && bound <= 1e-2 * norm(own), `${name}: sample ${i} is ${gap} off; bound ${bound}`)
    }
    deq.dispose()
  }
})
nonlinear('of 300 samples over two steps: parameters get the sum of all', () => {
  const [n, T, B] = [4, 2, 300]
  const problem = drawProblem('tanh', 'general', { n, inputs: INPUTS, size: 0.8 })
  const [x, g] = [drawTensor(double, 1, 'x', [T, B, INPUTS]), drawTensor(double, 2, 'g', [T, B, n])]
  for (const adjoint of [{ name: 'gmres', tol: 1e-12 }, { name: 'lu', tol: 1e-10 }, { name: 'unrolled' }] as const) {
    const deq = moduleOf(double, problem, { solver: { name: 'picard', tol: 1e-13, maxIter: 500 }, adjoint })
    const { info } = deq.forward(x)
    const found = differentiate(deq, x, g)
    let exact = zeroGradients(problem)
    let scale = 0
    for (let t = T - 1; t >= 0; t--) {
      for (let i = 0; i < B; i++) {
        const k = t * B + i
        const own = implicitGradients(problem, row(found.z, k, n), row(x.data, k, INPUTS), row(g.data, k, n))
        exact = addGradients(exact, own)
        scale += norm(own.W) + norm(own.U) + norm(own.b)
      }
    }
    // 1e-13 of z*, 1e-12 of the adjoint, times ‖(I - J)⁻¹‖ < 5 each; unrolled: as many as its iterations
    const steps = adjoint.name === 'unrolled' ? Math.max(...info.iterations) : 1
    for (const key of ['W', 'U', 'b'] as const)
      assert.ok(difference(found[key], exact[key]) <= 1e-11 * steps * scale, `${adjoint.name}: ${key}`)
    deq.dispose()
  }
})
nonlinear('no gradient in, none out', () => {
  for (const name of SOLVING) {
    const problem = drawProblem('tanh', 'general', { n: 5, inputs: INPUTS, size: 0.9 })
    const deq = moduleOf(double, problem, { adjoint: name })
    const x = drawTensor(double, 1, 'x', [2, INPUTS])
    const found = differentiate(deq, x, double.tensor(zeros(10), [2, 5]))
    assert.equal([...found.info!.iterations], [0, 0])
    for (const key of ['W', 'U', 'b', 'x'] as const) assert.ok(found[key].every((value) => value === 0))
    deq.dispose()
  }
})
nonlinear.run()

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
      const expected = difference(value, v) / { relative: norm(value), absolute: 1, mixed: 1 + norm(value) }[mode]
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
        return Math.log(difference(b, adjointSolution(problem, b, x.data, Array.from(g.data))))
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
            difference(found, exact[key]) <= 4 * K * n * 2 ** -52 * Math.max(norm(exact[key]), norm(g.data)),
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
        assert.ok(
          difference(found[key], gradients[key]) <= 1e-12 * norm(gradients[key]),
          `${terms}, ${damping}: ${key}`,
        )
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
          const gap = difference(row(found.x, t * B + i, INPUTS), gradients.x)
          assert.ok(gap <= 1e-13 * norm(gradients.x), `x of step ${t}: ${gap}`)
        }
        const byStart = row((leaving.state as { z: Tensor }).z.data, i, n)
        assert.ok(norm(carry) > 1e-6, 'something arrives')
        assert.ok(difference(byStart, carry) <= 1e-13, 'the gradient by the initial state')
      }
      // 30 iterations or so of sums of n terms
      for (const key of ['W', 'U', 'b'] as const)
        assert.ok(difference(found[key], exact[key]) <= 1e-12 * norm(exact[key]), key)
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
          assert.ok(difference(row(found.x, index, INPUTS), own.x) <= 1e-10 * (norm(own.x) + 1e-12), `${ways}: x`)
        }
      }
      for (const key of ['W', 'U', 'b'] as const)
        assert.ok(difference(found[key], exact[key]) <= 1e-10 * norm(exact[key]), `${ways}: ${key}`)
      assert.ok(
        (leaving.state as { z: Tensor }).z.data.every((value) => value === 0),
        'a fixed point forgets its start',
      )
    }
    deq.dispose()
  },
)
truncated.run()

const apart = suite('samples')
const ADJOINTS: readonly AdjointName[] = [...SOLVING, 'phantom', 'jfb', 'unrolled']
for (const runtime of [single, double]) {
  for (const name of ADJOINTS) {
    apart(`${name}, ${runtime.dtype}: the same bits alone and among hard neighbours`, () => {
      const n = 9
      const problem = { ...drawProblem('tanh', 'symmetric', { n, inputs: INPUTS, size: 0.995 }), b: zeros(n) }
      const rows = ['easy', 'slow', 'spoilt', 'large', 'tiny', 'plain'].map((key, i) => {
        return Array.from(generate(3, key, INPUTS, [3, 1e-4, 1, 1e4, 1e-12, 1][i]))
      })
      rows[2][1] = NaN
      const g = drawTensor(runtime, 5, 'g', [rows.length, n])
      for (let j = 0; j < n; j++) g.data[4 * n + j] *= 1e-20
      compareApart(
        runtime,
        problem,
        name,
        rows,
        g,
        rows.map((_, i) => i),
        1,
      )
    })
    apart(`${name}, ${runtime.dtype}: … in a batch of 300, and over time`, () => {
      const [n, B, T] = [5, 300, 2]
      const problem = drawProblem('tanh', 'rotation', { n, inputs: INPUTS, size: 0.97 })
      const x = drawTensor(runtime, 4, 'x', [T, B, INPUTS])
      for (let i = 0; i < x.size; i += 7) x.data[i] *= 1e-3
      const rows = Array.from({ length: T * B }, (_, i) => row(x.data, i, INPUTS))
      rows[200][0] = NaN
      const g = drawTensor(runtime, 5, 'g', [T * B, n])
      compareApart(runtime, problem, name, rows, g, [0, 1, 199, 200, 201, 255, 256, 257, 299], T)
    })
  }
}
apart.run()

/** Input gradients and what the solve tells, of all samples together and of some alone. */
function compareApart(
  runtime: Runtime,
  problem: Problem,
  name: AdjointName,
  rows: number[][],
  g: Tensor,
  picked: readonly number[],
  T: number,
): void {
  const { n } = problem
  const B = rows.length / T
  const solver = name === 'unrolled' ? ({ name: 'picard', maxIter: 300 } as const) : ({ name: 'auto' } as const)
  const deq = moduleOf(runtime, problem, { solver, adjoint: name, onFailure: 'accept' })
  const back = (samples: readonly number[]) => {
    const shape = T === 1 ? [samples.length] : [T, samples.length]
    const all = Array.from({ length: T }, (_, t) => samples.map((i) => t * B + i)).flat()
    deq.forward(
      runtime.tensor(
        all.flatMap((k) => rows[k]),
        [...shape, INPUTS],
      ),
    )
    const { input, info } = deq.backward({
      output: runtime.tensor(
        all.flatMap((k) => row(g.data, k, n)),
        [...shape, n],
      ),
    })
    return { input: (input as Tensor).data.slice(), info }
  }
  const together = back(Array.from({ length: B }, (_, i) => i))
  for (const i of picked) {
    const alone = back([i])
    for (let t = 0; t < T; t++) {
      const k = t * B + i
      assert.equal(row(alone.input, t, INPUTS), row(together.input, k, INPUTS), `input gradient of sample ${k}`)
      for (const key of ['iterations', 'evaluations', 'residual', 'outcome'] as const)
        assert.equal(alone.info?.[key][t], together.info?.[key][k], `${key} of sample ${k}`)
      assert.equal([...(alone.info?.trace[t] ?? [])], [...(together.info?.trace[k] ?? [])], `trace of sample ${k}`)
    }
  }
  if (together.info) {
    const spoilt = rows.findIndex((values) => values.some(Number.isNaN))
    // what sums a fixed number of terms may never meet J
    if (name !== 'jfb') assert.is(together.info.outcome[spoilt], 'nonFinite', name)
    const total = together.info.evaluations.reduce((sum, count) => sum + count, 0)
    assert.is(together.info.rowsEvaluated, total)
  }
  deq.dispose()
}

function zeros(count: number): number[] {
  return Array.from({ length: count }, () => 0)
}
