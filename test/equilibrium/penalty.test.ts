/** The penalty on the Jacobian's size: its value, and its gradient. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Tensor, createRuntime } from '../../bindings/index.ts'
import { type Problem, jacobian, matrixProduct, norm, transposed } from '../reference/equilibrium.ts'
import { INPUTS, drawProblem, expectDifferences, moduleOf, row } from '../support/equilibrium.ts'
import { dot, drawTensor, numbers } from '../support/nets.ts'

const double = await createRuntime({ dtype: 'float64', seed: 1 })

const penalty = suite('jacobianPenalty')
penalty('is mean ‖J‖² / n: within five standard deviations for many samples', () => {
  const [n, B, samples] = [5, 3, 4000]
  const problem = drawProblem('tanh', 'general', { n, inputs: INPUTS, size: 0.9 })
  const deq = moduleOf(double, problem, { jacobianPenalty: { weight: 1, samples } })
  const x = drawTensor(double, 1, 'x', [B, INPUTS])
  const { output, info } = deq.forward(x)
  let [expected, variance] = [0, 0]
  for (let i = 0; i < B; i++) {
    const J = jacobian(problem, row(output.data, i, n), row(x.data, i, INPUTS))
    expected += norm(J) ** 2 / n / B
    // εᵀ A ε has the variance 2 ‖A‖² for A = J Jᵀ
    variance += (2 * norm(matrixProduct(n, J, transposed(n, J))) ** 2) / (n * n * B * B * samples)
  }
  const deviation = Math.sqrt(variance)
  assert.ok(deviation < 0.02 * expected, 'sharp enough')
  assert.ok(Math.abs(info.jacobianPenalty! - expected) <= 5 * deviation, `${info.jacobianPenalty}; ${expected}`)
  deq.dispose()
})
penalty('one column: J² times the mean of ε², every draw another', () => {
  const problem: Problem = { n: 1, inputs: 1, nonlinearity: 'identity', W: [0.5], U: [1], b: [0] }
  const deq = moduleOf(double, problem, { jacobianPenalty: { weight: 1 } })
  const x = double.tensor([1, 2, 3], [3, 1])
  const draws = Array.from({ length: 200 }, () => deq.forward(x).info.jacobianPenalty! / 0.25)
  assert.is(new Set(draws).size, 200)
  // each the mean of three squares of variance 2
  const mean = draws.reduce((total, value) => total + value, 0) / 200
  assert.ok(Math.abs(mean - 1) <= 5 * Math.sqrt(2 / 600), String(mean))
  deq.callCount = 0
  assert.is(deq.forward(x).info.jacobianPenalty! / 0.25, draws[0])
})
for (const shape of [[4], [2, 3]]) {
  penalty(`its gradient is that of the whole loss, draws held: input [${shape.join(', ')}, I]`, () => {
    const n = 4
    const weight = 0.7
    const problem = drawProblem('tanh', 'rotation', { n, inputs: INPUTS, size: 0.8 })
    for (const samples of [1, 3]) {
      const deq = moduleOf(double, problem, {
        solver: { name: 'newton', tol: 1e-14, onFailure: 'accept' },
        adjoint: { name: 'gmres', tol: 1e-13 },
        jacobianPenalty: { weight, samples },
      })
      const x = drawTensor(double, 1, 'x', [...shape, INPUTS])
      const g = drawTensor(double, 2, 'g', [...shape, n], 0.1)
      const loss = () => {
        deq.callCount = 0
        const { output, info } = deq.forward(x)
        return dot(output.data, g.data) + weight * info.jacobianPenalty!
      }
      loss()
      deq.zeroGrad()
      const byInput = numbers(deq.backward({ output: g }).input as Tensor)
      // h² f''' / 6 and 1e-15 / h are below 1e-8 here
      expectDifferences(deq, x, byInput, loss, 1e-7)
      deq.dispose()
    }
  })
}
penalty('is none outside training and without a tape', () => {
  const problem = drawProblem('tanh', 'general', { n: 3, inputs: INPUTS, size: 0.9 })
  const [deq, plain] = [moduleOf(double, problem, { jacobianPenalty: { weight: 1 } }), moduleOf(double, problem)]
  const x = drawTensor(double, 1, 'x', [2, INPUTS])
  const g = drawTensor(double, 2, 'g', [2, 3])
  assert.is(deq.forward(x, { tape: false }).info.jacobianPenalty, undefined)
  deq.eval()
  assert.is(deq.forward(x, { tape: true }).info.jacobianPenalty, undefined)
  const found = numbers(deq.backward({ output: g }).input as Tensor)
  plain.forward(x)
  assert.equal(found, numbers(plain.backward({ output: g }).input as Tensor))
})
penalty.run()
