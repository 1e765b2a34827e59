/** Gradients of fixed points by every adjoint: against dense solves, against differences of the solved point. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type SolverOptions, type Tensor, createRuntime } from '../../bindings/index.ts'
import {
  type Gradients,
  type Problem,
  addGradients,
  adjointSolution,
  identityMinus,
  implicitGradients,
  inverse,
  iteratedPoint,
  jacobian,
  multiplyTransposed,
  newtonPoint,
  norm,
  pullBack,
  spectralNorm,
  spectralRadius,
  transposed,
  zeroGradients,
} from '../reference/equilibrium.ts'
import { solveReference } from '../reference/solve.ts'
import { NAMES, SOLVING, differentiate, solving } from '../support/adjoints.ts'
import { INPUTS, KINDS, distance, drawProblem, moduleOf, row, zeros } from '../support/equilibrium.ts'
import { generate } from '../support/generator.ts'
import { dot, drawTensor } from '../support/nets.ts'

const double = await createRuntime({ dtype: 'float64', seed: 1 })
const single = await createRuntime({ variant: 'simd', seed: 1 })

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
            assert.ok(distance(row(found.x, i, INPUTS), byInput) <= 1e-9 * norm(byInput), `${kind}, n = ${n}: x`)
          }
          for (const key of ['W', 'U', 'b'] as const)
            assert.ok(distance(found[key], exact[key]) <= 1e-9 * norm(exact[key]), `${kind}, n = ${n}: ${key}`)
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
        const gap = distance(row(found.x, i, INPUTS), own.x)
        assert.ok(
          gap <= off.x && off.x <= 1e-3 * norm(own.x),
          `${name}: x of sample ${i} is ${gap} off; bound ${off.x}`,
        )
      }
      for (const key of ['W', 'U', 'b'] as const) {
        const gap = distance(found[key], exact[key])
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
      const gap = distance(row(found.x, i, INPUTS), own)
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
      assert.ok(distance(found[key], exact[key]) <= 1e-11 * steps * scale, `${adjoint.name}: ${key}`)
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
