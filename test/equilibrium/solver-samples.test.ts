/** Fixed points of samples that know nothing of their neighbours. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type DEQForwardResult, type Tensor, createRuntime } from '../../bindings/index.ts'
import { INPUTS, SOLVERS, drawProblem, moduleOf, row, zeros } from '../support/equilibrium.ts'
import { generate } from '../support/generator.ts'
import { drawTensor } from '../support/nets.ts'

const double = await createRuntime({ dtype: 'float64', seed: 1 })
const single = await createRuntime({ variant: 'simd', seed: 1 })

/** Columns of x of samples that are easy, slow (a weak drive), not finite, and of other scales. */
function mixedInput(columns: number): number[] {
  const draw = (name: string, scale: number) => Array.from(generate(3, name, columns, scale))
  const spoilt = draw('spoilt', 1)
  spoilt[1] = NaN
  const endless = draw('endless', 1)
  endless[0] = Infinity
  const rows = [
    draw('easy', 3),
    draw('slow', 1e-4),
    spoilt,
    draw('large', 1e4),
    endless,
    draw('tiny', 1e-12),
    draw('plain', 1),
  ]
  return rows.flat()
}
const MIXED = 7

const apart = suite('samples')
for (const runtime of [single, double]) {
  for (const name of SOLVERS) {
    apart(`${name}, ${runtime.dtype}: the same bits alone and among hard neighbours`, () => {
      const n = 9
      const problem = { ...drawProblem('tanh', 'symmetric', { n, inputs: INPUTS, size: 0.995 }), b: zeros(n) }
      const deq = moduleOf(runtime, problem, { solver: { name, maxIter: 800 }, onFailure: 'accept' })
      const given = mixedInput(INPUTS)
      const together = copyOf(deq.forward(runtime.tensor(given, [MIXED, INPUTS])))
      if (name === 'picard') assert.ok(Math.max(...together.iterations) > 200, 'one needs hundreds')
      assert.equal([together.outcome[2], together.outcome[4]], ['nonFinite', 'converged'])
      for (let i = 0; i < MIXED; i++) {
        const alone = copyOf(deq.forward(runtime.tensor(row(given, i, INPUTS), [1, INPUTS])))
        expectSameSample(alone, 0, together, i, n)
      }
      deq.dispose()
    })
    apart(`${name}, ${runtime.dtype}: … in a batch of 300, and over time`, () => {
      const [n, B, T] = [5, 300, 3]
      const problem = drawProblem('tanh', 'rotation', { n, inputs: INPUTS, size: 0.97 })
      const deq = moduleOf(runtime, problem, { solver: { name, maxIter: 300 }, onFailure: 'accept' })
      const x = drawTensor(runtime, 4, 'x', [T, B, INPUTS])
      for (let i = 0; i < x.size; i += 7) x.data[i] *= 1e-3
      x.data[INPUTS * 200] = NaN
      const together = copyOf(deq.forward(x))
      for (const i of [0, 1, 199, 200, 201, 255, 256, 257, 299]) {
        const steps = Array.from({ length: T }, (_, t) => row(x.data, t * B + i, INPUTS))
        const alone = copyOf(deq.forward(runtime.tensor(steps.flat(), [T, 1, INPUTS])))
        for (let t = 0; t < T; t++) expectSameSample(alone, t, together, t * B + i, n)
      }
      deq.dispose()
    })
    apart(`${name}, ${runtime.dtype}: work falls as they finish`, () => {
      const n = 24
      const problem = { ...drawProblem('tanh', 'symmetric', { n, inputs: INPUTS, size: 0.995 }), b: zeros(n) }
      const deq = moduleOf(runtime, problem, { solver: { name, maxIter: 2000 }, onFailure: 'accept' })
      const B = 40
      const x = drawTensor(runtime, 4, 'x', [B, INPUTS], 4)
      for (let j = 0; j < INPUTS; j++) x.data[j] *= 1e-3 // one slow sample
      const { info } = deq.forward(x)
      const total = info.evaluations.reduce((sum, count) => sum + count, 0)
      assert.is(info.rowsEvaluated, total)
      assert.ok(total < 0.7 * B * Math.max(...info.evaluations), `${total} rows`)
      deq.dispose()
    })
  }
}
apart.run()

interface Copy {
  readonly output: ArrayLike<number>
  readonly iterations: number[]
  readonly evaluations: number[]
  readonly residual: number[]
  readonly outcome: string[]
  readonly trace: number[][]
}

function copyOf({ output, info }: DEQForwardResult): Copy {
  return {
    output: (output as Tensor).data.slice(),
    iterations: [...info.iterations],
    evaluations: [...info.evaluations],
    residual: [...info.residual],
    outcome: [...info.outcome],
    trace: info.trace.map((values) => [...values]),
  }
}

function expectSameSample(a: Copy, i: number, b: Copy, j: number, n: number): void {
  assert.equal(row(a.output, i, n), row(b.output, j, n), `output of sample ${j}`)
  for (const name of ['iterations', 'evaluations', 'residual', 'outcome', 'trace'] as const)
    assert.equal(a[name][i], b[name][j], `${name} of sample ${j}`)
}
