/** Inputs that fall silent, and gradients of any size: nothing is lost that is only small, and nothing is called not finite that is finite. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type AdjointOptions,
  DEQ,
  type Runtime,
  type SolverOptions,
  type Tensor,
  createRuntime,
} from '../../bindings/index.ts'
import { generate } from '../support/generator.ts'
import { drawTensor, numbers } from '../support/nets.ts'

const [single, double] = await Promise.all([
  createRuntime({ variant: 'simd', seed: 1 }),
  createRuntime({ dtype: 'float64', seed: 1 }),
])
const SOLVERS = ['picard', 'anderson', 'broyden', 'newton', 'auto'] as const
const ADJOINTS = ['neumann', 'gmres', 'bicgstab', 'lu', 'anderson', 'broyden', 'phantom', 'jfb'] as const

/** A contraction: rows of |W| sum to 0.84 at most. */
const W = [0.3, -0.2, 0.1, 0.1, 0.4, -0.1, -0.2, 0.1, 0.3].map((w) => w * 1.4)

function silentDeq(rt: Runtime, solver: SolverOptions['name'] | SolverOptions, adjoint?: AdjointOptions['name']): DEQ {
  const deq = new DEQ(rt, { inputSize: 2, hiddenSize: 3, bias: false, solver, ...(adjoint && { adjoint }) })
  const weight_ih = { shape: [3, 2], data: generate(5, 'U', 6, 0.5) }
  deq.loadStateDict({ weight_ih, weight_hh: { shape: [3, 3], data: W } })
  return deq
}

const silence = suite('an input that falls silent')
for (const name of SOLVERS) {
  for (const rt of [single, double]) {
    silence(`${name}, ${rt.dtype}: the fixed point goes to 0`, () => {
      const deq = silentDeq(rt, name)
      const x = [1, -2, ...new Array<number>(18).fill(0)]
      const { output, info } = deq.forward(rt.tensor(x, [10, 1, 2]))
      assert.ok([...info.converged].every(Boolean))
      const tol = rt === double ? 1e-10 : 1e-5
      // ‖z‖ <= ‖F(z) - z‖ / (1 - L), L <= √3 · 0.84 · 0.7 in the Euclidean norm; measured by the residual that is promised
      assert.ok(
        numbers(output)
          .slice(3 * 9)
          .every((z) => Math.abs(z) < 100 * tol),
      )
    })
    silence(`${name}, ${rt.dtype}, relative: finite values are not called otherwise`, () => {
      const deq = silentDeq(rt, { name, mode: 'relative', maxIter: 60, onFailure: 'accept' })
      const { info } = deq.forward(rt.tensor([1, -2, 0, 0, 0, 0], [3, 1, 2]))
      assert.is.not(info.outcome[1], 'non-finite')
      deq.step(rt.tensor([0, 0], [1, 2]), deq.initialState(1))
    })
  }
}
silence('zeros from zeros: converged at once', () => {
  for (const mode of ['relative', 'absolute', 'mixed'] as const) {
    const { info, output } = silentDeq(single, { name: 'picard', mode }).forward(single.tensor([[0, 0]]))
    assert.is(info.iterations[0], 0)
    assert.ok(info.converged[0])
    assert.equal(numbers(output), [0, 0, 0])
  }
})
silence.run()

/** Gradients by parameters, input and state for a gradient g · 2^power by the output. */
function gradients(rt: Runtime, adjoint: (typeof ADJOINTS)[number], power: number): number[] {
  const deq = silentDeq(rt, 'newton', adjoint)
  const x = drawTensor(rt, 1, 'x', [4, 2])
  deq.forward(x)
  const g = rt.tensor(
    generate(2, 'g', 12, 1).map((value) => (rt === single ? Math.fround(value) : value) * 2 ** power),
    [4, 3],
  )
  const { input, state } = deq.backward({ output: g })
  const parts = [...deq.parameters().map(({ grad }) => grad), input as Tensor, (state as { z: Tensor }).z]
  return parts.flatMap((tensor) => numbers(tensor).map((value) => value * 2 ** -power))
}

const sizes = suite('gradients of any size')
for (const adjoint of ADJOINTS) {
  for (const [rt, powers] of [
    [double, [-960, -700, -300, 300, 700]],
    [single, [-100, -70, -30, 30, 70]],
  ] as const) {
    sizes(`${adjoint}, ${rt.dtype}: 2^p g has 2^p times the gradient of g`, () => {
      const usual = gradients(rt, adjoint, 0)
      const greatest = usual.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
      // both are solved to the adjoint's tolerance relative to g; scaled by powers of 2 they take the same path but for subnormal parts
      const tolerance = (rt === double ? 1e-10 : 1e-5) * 20 * greatest
      for (const power of powers) {
        for (const [i, value] of gradients(rt, adjoint, power).entries())
          assert.ok(Math.abs(value - usual[i]!) <= tolerance, `2^${power}, ${i}: ${value}, not ${usual[i]}`)
      }
    })
  }
}

sizes('a gradient of 0 has the gradient 0', () => {
  for (const adjoint of ADJOINTS) {
    const deq = silentDeq(double, 'newton', adjoint)
    deq.forward(drawTensor(double, 1, 'x', [4, 2]))
    const { input, info } = deq.backward({ output: double.tensor(new Float64Array(12), [4, 3]) })
    assert.ok(numbers(input as Tensor).every((value) => value === 0))
    assert.ok([...info!.converged].every(Boolean))
  }
})
sizes('an absolute tolerance is one of the gradient as it is', () => {
  const deq = new DEQ(double, { inputSize: 2, hiddenSize: 3, adjoint: { name: 'gmres', mode: 'absolute', tol: 1e-8 } })
  deq.forward(drawTensor(double, 1, 'x', [4, 2]))
  const g = double.tensor(
    generate(2, 'g', 12, 1).map((value) => value * 1e-150),
    [4, 3],
  )
  const { info } = deq.backward({ output: g })
  assert.ok([...info!.iterations].every((iterations) => iterations === 0))
  assert.ok([...info!.residual].every((residual) => residual > 0 && residual < 1e-148))
})
sizes.run()
