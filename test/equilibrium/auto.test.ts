/** The cascade of solvers: it gets where another one gets, at about the price of the cheapest. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DEQ, createRuntime } from '../../bindings/index.ts'
import { type MatrixKind, drawProblem, moduleOf } from '../support/equilibrium.ts'
import { drawTensor } from '../support/nets.ts'

const rt = await createRuntime({ dtype: 'float64', seed: 1 })
const [INPUTS, B] = [3, 8]
const OTHERS = ['picard', 'anderson', 'broyden', 'newton'] as const

const cascade = suite('auto')

const CASES: readonly [string, MatrixKind, 'tanh' | 'identity', number, number][] = [
  ['a contraction', 'general', 'tanh', 24, 0.5],
  ['a slow contraction', 'symmetric', 'identity', 24, 0.98],
  ['a rotation', 'rotation', 'identity', 24, 0.95],
  ['a rotation that plain iteration leaves', 'rotation', 'tanh', 24, 1.1],
  ['an affine map that expands', 'general', 'identity', 24, 2.5],
]
for (const [what, kind, nonlinearity, n, size] of CASES) {
  cascade(
    `${what}: no more failures than any other solver, and at most half as many evaluations again as the least`,
    () => {
      const problem = drawProblem(nonlinearity, kind, { n, inputs: INPUTS, size })
      const x = drawTensor(rt, 2, 'x', [B, INPUTS])
      const run = (name: (typeof OTHERS)[number] | 'auto') => {
        const deq = moduleOf(rt, problem, { solver: { name, maxIter: 500, onFailure: 'accept' } })
        const { info } = deq.forward(x)
        deq.dispose()
        return { failed: info.converged.filter((good) => !good).length, work: info.rowsEvaluated }
      }
      const auto = run('auto')
      const others = OTHERS.map(run)
      assert.is(auto.failed, Math.min(...others.map(({ failed }) => failed)))
      const least = Math.min(...others.filter(({ failed }) => failed === auto.failed).map(({ work }) => work))
      assert.ok(auto.work <= 1.5 * least, `${auto.work} rows; ${least} by another`)
    },
  )
}

cascade('beyond contractions it wanders until it arrives: orthogonal W, tanh, weak drive', () => {
  const n = 7
  const x = drawTensor(rt, 5, 'x', [24, INPUTS])
  for (const size of [1.05, 1.2, 1.5, 2, 3]) {
    const problem = drawProblem('tanh', 'rotation', { n, inputs: INPUTS, size })
    const deq = moduleOf(rt, problem, { solver: { name: 'auto', tol: 1e-10, maxIter: 2000, onFailure: 'accept' } })
    const { info } = deq.forward(x)
    assert.is(info.failed, 0, `W of ${size}: ${info.outcome.join()}`)
    deq.dispose()
  }
})

cascade('where plain iteration overflows, another method goes on from the best iterate', () => {
  const n = 2
  const solver = { name: 'auto', mode: 'absolute', tol: 1e-8 } as const
  const deq = new DEQ(rt, { inputSize: 1, hiddenSize: n, nonlinearity: 'identity', bias: false, solver })
  const expanding = Float64Array.of(1e100, 0, 0, 1e100)
  deq.loadStateDict({
    weight_hh: { shape: [n, n], data: expanding },
    weight_ih: { shape: [n, 1], data: Float64Array.of(1, 1) },
  })
  const { info } = deq.forward(rt.tensor([1], [1, 1]))
  assert.equal([...info.outcome], ['converged'])
  deq.dispose()
})

cascade('its budget is shared: half of the iterations are left to Newton', () => {
  const problem = drawProblem('identity', 'rotation', { n: 64, inputs: INPUTS, size: 0.95 })
  const x = drawTensor(rt, 2, 'x', [B, INPUTS])
  const failures = (['broyden', 'auto'] as const).map((name) => {
    const deq = moduleOf(rt, problem, { solver: { name, maxIter: 60, onFailure: 'accept' } })
    const { info } = deq.forward(x)
    deq.dispose()
    return info.converged.filter((good) => !good).length
  })
  assert.equal(failures, [B, 0])
})

cascade.run()
