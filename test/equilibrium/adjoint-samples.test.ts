/** Gradients of samples that know nothing of their neighbours. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type AdjointName, type Runtime, type Tensor, createRuntime } from '../../bindings/index.ts'
import { type Problem } from '../reference/equilibrium.ts'
import { SOLVING } from '../support/adjoints.ts'
import { INPUTS, drawProblem, moduleOf, row, zeros } from '../support/equilibrium.ts'
import { generate } from '../support/generator.ts'
import { drawTensor } from '../support/nets.ts'

const double = await createRuntime({ dtype: 'float64', seed: 1 })
const single = await createRuntime({ variant: 'simd', seed: 1 })

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
