/** Fixed points by every solver, against plain loops; what a solver tells of each sample. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type SolverOptions, createRuntime } from '../../bindings/index.ts'
import {
  type Problem,
  dampedSteps,
  identityMinus,
  inverse,
  iteratedPoint,
  jacobian,
  multiply,
  newtonPoint,
  norm,
  residual,
  spectralNorm,
} from '../reference/equilibrium.ts'
import { solveReference } from '../reference/solve.ts'
import { INPUTS, KINDS, SOLVERS, distance, drawProblem, moduleOf, row } from '../support/equilibrium.ts'
import { drawTensor, numbers } from '../support/nets.ts'

const double = await createRuntime({ dtype: 'float64', seed: 1 })

const MODES = ['relative', 'absolute', 'mixed'] as const

const linear = suite('a linear map')
for (const name of SOLVERS) {
  linear(`${name}: z* is (I - W)⁻¹ (U x + b) to 1e-9, for odd and even widths, alone and in a batch`, () => {
    for (const kind of KINDS) {
      for (const n of [1, 2, 3, 5, 8, 17]) {
        for (const B of [1, 4]) {
          const problem = drawProblem('identity', kind, { n, inputs: INPUTS, size: 0.8 })
          // n = 1: an orthogonal 1 by 1 matrix may be +0.8 or -0.8, both contractions
          const deq = moduleOf(double, problem, { solver: { name, tol: 1e-13, maxIter: 500 } })
          const x = drawTensor(double, 2, 'x', [B, INPUTS])
          const { output } = deq.forward(x)
          for (let i = 0; i < B; i++) {
            const driven = multiply(problem.U, row(x.data, i, INPUTS)).map((value, j) => value + problem.b[j])
            const exact = solveReference(n, 1, identityMinus(n, problem.W), driven)
            const gap = distance(row(output.data, i, n), exact) / norm(exact)
            assert.ok(gap <= 1e-9, `${kind}, n = ${n}: ${gap}`)
          }
          deq.dispose()
        }
      }
    }
  })
}
for (const name of ['newton', 'broyden', 'auto'] as const) {
  linear(`${name}: also where plain iteration diverges`, () => {
    for (const kind of KINDS) {
      const problem = drawProblem('identity', kind, { n: 6, inputs: INPUTS, size: 2.5 })
      const deq = moduleOf(double, problem, { solver: { name, tol: 1e-13, maxIter: 500 } })
      const x = drawTensor(double, 2, 'x', [1, INPUTS])
      const driven = multiply(problem.U, x.data).map((value, j) => value + problem.b[j])
      const exact = solveReference(6, 1, identityMinus(6, problem.W), driven)
      assert.ok(distance(numbers(deq.forward(x).output), exact) <= 1e-9 * norm(exact), kind)
      deq.dispose()
    }
  })
}
linear.run()

const nonlinear = suite('a tanh map')
const TOL = 1e-12
for (const kind of KINDS) {
  for (const size of [0.5, 0.9, 0.99, 1.2]) {
    nonlinear(`‖W‖ = ${size}, ${kind}: every solver is within ‖(I - J)⁻¹‖ · tol of the fixed point`, () => {
      const [n, B] = [7, 4]
      const problem = drawProblem('tanh', kind, { n, inputs: INPUTS, size })
      const x = drawTensor(double, 1, 'x', [B, INPUTS])
      for (const name of SOLVERS) {
        const deq = moduleOf(double, problem, {
          solver: { name, mode: 'relative', tol: TOL, maxIter: 3000, onFailure: 'accept' },
        })
        const { output, info } = deq.forward(x)
        for (let i = 0; i < B; i++) {
          // where F is no contraction, Newton's method alone is asked to get there from anywhere
          if (!info.converged[i] && size > 1 && name !== 'newton') continue
          assert.ok(info.converged[i], `${name}: sample ${i} ended ${info.outcome[i]}`)
          const [z, given] = [row(output.data, i, n), row(x.data, i, INPUTS)]
          const exact = size < 1 ? iteratedPoint(problem, given) : newtonPoint(problem, given, z)
          const reach = spectralNorm(n, inverse(n, identityMinus(n, jacobian(problem, exact, given))))
          // z - z* = (I - J)⁻¹ (z - F(z)) to first order, ‖z - F(z)‖ <= tol ‖F(z)‖; 1.1 for the second order, and rounding's share
          const bound = reach * (1.1 * TOL + 2 * n * 2 ** -52) * norm(exact)
          const gap = distance(z, exact)
          assert.ok(gap <= bound, `${name}: sample ${i} is ${gap} off; bound ${bound}`)
        }
        deq.dispose()
      }
    })
  }
}
nonlinear('two starts reach one fixed point, and a fixed point is one', () => {
  const problem = drawProblem('tanh', 'general', { n: 6, inputs: INPUTS, size: 0.9 })
  const x = drawTensor(double, 1, 'x', [2, INPUTS])
  for (const name of SOLVERS) {
    const deq = moduleOf(double, problem, { solver: { name, tol: TOL, maxIter: 2000 } })
    const first = numbers(deq.forward(x).output)
    const start = drawTensor(double, 5, 'start', [2, 6], 3)
    const second = deq.forward(x, { state: { z: start } })
    assert.ok(distance(first, numbers(second.output)) <= 1e-10 * norm(first), name)
    const again = deq.forward(x, { state: second.state })
    assert.equal([...again.info.iterations], [0, 0], `${name}: from its own fixed point`)
    assert.equal([...again.info.evaluations], [1, 1])
    deq.dispose()
  }
})
nonlinear.run()

const told = suite('what is told')
for (const mode of MODES) {
  for (const name of SOLVERS) {
    told(`${name}, ${mode}: the residual is that of the undamped map at the result, and at most tol`, () => {
      const [n, B] = [6, 3]
      const problem = drawProblem('tanh', 'symmetric', { n, inputs: INPUTS, size: 0.95 })
      const x = drawTensor(double, 1, 'x', [B, INPUTS])
      for (const solver of variants(name, { tol: 1e-6, maxIter: 2000, mode })) {
        const deq = moduleOf(double, problem, { solver })
        const { output, info } = deq.forward(x)
        for (let i = 0; i < B; i++) {
          const [z, given] = [row(output.data, i, n), row(x.data, i, INPUTS)]
          const zeros = z.map(() => 0)
          assert.ok(info.residual[i] <= 1e-6)
          near(info.residual[i], residual(problem, z, given, mode), 'residual')
          near(info.trace[i][0], residual(problem, zeros, given, mode), 'trace[0]')
          assert.is(info.trace[i].length, info.iterations[i] + 1)
          assert.is(info.residual[i], info.trace[i].at(-1)!)
          assert.is(info.outcome[i], 'converged')
        }
        deq.dispose()
      }
    })
  }
}

/** A solver as it is, and with what might hide its residual. */
function variants(name: (typeof SOLVERS)[number], stopping: object): SolverOptions[] {
  const own = {
    picard: { damping: 0.05 },
    anderson: { beta: 0.1, m: 2 },
    broyden: { memory: 3 },
    newton: { restart: 2 },
    auto: { memory: 3 },
  }
  return [{ name, ...stopping } as SolverOptions, { name, ...stopping, ...own[name] } as SolverOptions]
}

/** Norms of differences of numbers below 2: rounding of n terms is well below 1e-14. */
function near(actual: number, expected: number, what: string): void {
  assert.ok(Math.abs(actual - expected) <= 1e-14 + 1e-13 * expected, `${what}: ${actual}; expected ${expected}`)
}

told('damped plain iteration: as many iterations as the undamped residual needs, its trace value by value', () => {
  const problem = drawProblem('tanh', 'symmetric', { n: 5, inputs: INPUTS, size: 0.9 })
  const x = drawTensor(double, 1, 'x', [1, INPUTS])
  for (const damping of [0.05, 0.5, 1, 1.04]) {
    const deq = moduleOf(double, problem, {
      solver: { name: 'picard', mode: 'relative', damping, tol: 1e-5, maxIter: 2000 },
    })
    const { info, output } = deq.forward(x)
    const points = dampedSteps(problem, x.data, [0, 0, 0, 0, 0], 2000, damping)
    const trace = points.map((z) => residual(problem, z, x.data, 'relative'))
    const count = trace.findIndex((value) => value <= 1e-5)
    assert.is(info.iterations[0], count)
    assert.is(info.evaluations[0], count + 1)
    for (const [k, value] of info.trace[0].entries()) near(value, trace[k], `trace[${k}]`)
    assert.ok(distance(numbers(output), points[count]) <= 1e-13)
    deq.dispose()
  }
})
told('where residuals rise, the best iterate is the result', () => {
  // non-normal: the residual falls, then grows without bound
  const problem: Problem = { n: 2, inputs: 1, nonlinearity: 'identity', W: [0.3, 5, 0, 1.05], U: [1, 0.001], b: [0, 0] }
  const x = double.tensor([1], [1, 1])
  const deq = moduleOf(double, problem, {
    solver: { name: 'picard', mode: 'relative', maxIter: 60, onFailure: 'accept' },
  })
  const { info, output } = deq.forward(x)
  const points = dampedSteps(problem, x.data, [0, 0], 60, 1)
  const trace = points.map((z) => residual(problem, z, x.data, 'relative'))
  const best = trace.indexOf(Math.min(...trace))
  assert.ok(best > 0 && best < 60, 'in the middle')
  assert.is(info.outcome[0], 'maxIter')
  assert.is(info.iterations[0], 60)
  assert.ok(distance(numbers(output), points[best]) <= 1e-13 * norm(points[best]))
  near(info.residual[0], trace[best], 'residual')
  deq.dispose()
})
for (const name of SOLVERS) {
  told(`${name}: cut short, its result is the best of its trace`, () => {
    const problem = drawProblem('tanh', 'rotation', { n: 6, inputs: INPUTS, size: 3 })
    const x = drawTensor(double, 4, 'x', [5, INPUTS])
    for (const maxIter of [1, 2, 5, 9]) {
      const deq = moduleOf(double, problem, {
        solver: { name, mode: 'relative', tol: 1e-14, maxIter, onFailure: 'accept' },
      })
      const { info, output } = deq.forward(x)
      for (let i = 0; i < 5; i++) {
        const [z, given] = [row(output.data, i, 6), row(x.data, i, INPUTS)]
        assert.is(info.residual[i], Math.min(...info.trace[i]))
        near(info.residual[i], residual(problem, z, given, 'relative'), 'residual')
        assert.is(info.trace[i].length, info.iterations[i] + 1)
        assert.ok(info.iterations[i] <= maxIter)
      }
      deq.dispose()
    }
  })
}
told('auto goes on from its best iterate where plain iteration flies apart', () => {
  const problem = drawProblem('identity', 'rotation', { n: 6, inputs: INPUTS, size: 3 })
  const deq = moduleOf(double, problem, { solver: { name: 'auto', mode: 'absolute', tol: 1e-10 } })
  const { info } = deq.forward(drawTensor(double, 4, 'x', [5, INPUTS]))
  for (const [i, trace] of info.trace.entries()) {
    assert.ok(info.converged[i])
    assert.ok(trace[1] > trace[0] && trace[2] > trace[1], 'it does')
    assert.ok(trace.indexOf(trace[0], 1) > 0, 'the start, its best, is measured again')
  }
  deq.dispose()
})
told.run()
