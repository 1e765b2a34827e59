/** Fixed points of users' cells and of the shelf's: values against plain loops, gradients against differences. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  DEQ,
  type Cell,
  type Input,
  type SolverOptions,
  type Tensor,
  type Value,
  antisymmetricRnnCell,
  createRuntime,
  defineCell,
  indRnnCell,
  minGruCell,
  orthogonalRnnCell,
} from '../../bindings/index.ts'
import { add, linear, mul, scale, sigmoid, sum, tanh } from '../../bindings/ops.ts'
import { multiply, norm } from '../reference/equilibrium.ts'
import { distance, expectDifferences, row } from '../support/equilibrium.ts'
import { generate } from '../support/generator.ts'
import { dot, drawParameters, drawTensor, numbers } from '../support/nets.ts'

const double = await createRuntime({ dtype: 'float64', seed: 1 })

/** Two states, two inputs, an output that is neither state, a parameter that it alone reads. */
const coupled = defineCell({
  state: { a: 'A', b: 2 },
  input: { u: 2, v: 'A' },
  params: { M: ['A', 'A'], N: ['A', 2], P: [2, 'A'], gain: ['A'], V: [3, 'A'], shift: [3] },
  step: ({ a, b, u, v, M, N, P, gain, V, shift }) => {
    const nextA = tanh(add(linear(a, M, linear(b, N)), mul(gain, v)))
    const nextB = scale(sigmoid(linear(a, P, u)), 0.5)
    return { state: { a: nextA, b: nextB }, output: mul(linear(nextA, V, shift), sum(mul(nextB, u))) }
  },
})
type Values = Record<string, readonly number[]>

/** The same in plain loops: iterated to the end from 0, then read out. */
function coupledReference(
  p: Values,
  u: readonly number[],
  v: readonly number[],
): { a: number[]; b: number[]; output: number[] } {
  let a = v.map(() => 0)
  let b = [0, 0]
  for (let k = 0; k < 3000; k++) {
    const [fromA, fromB, toB] = [multiply(p['M'], a), multiply(p['N'], b), multiply(p['P'], a)]
    const last = [...a, ...b]
    a = fromA.map((value, i) => Math.tanh(value + fromB[i] + p['gain'][i] * v[i]))
    b = toB.map((value, i) => 0.5 / (1 + Math.exp(-value - u[i])))
    if (distance([...a, ...b], last) <= 1e-16) break
  }
  const factor = b[0] * u[0] + b[1] * u[1]
  return { a, b, output: multiply(p['V'], a).map((value, i) => (value + p['shift'][i]) * factor) }
}

const users = suite("a user's cell")
users('of two states, two inputs, an output that is neither: values and gradients as the plain loops have them', () => {
  const [A, B] = [3, 2]
  for (const solver of ['picard', 'newton', 'auto', 'anderson', 'broyden'] as const) {
    for (const adjoint of ['gmres', 'lu', 'bicgstab', 'neumann', 'anderson', 'broyden', 'unrolled'] as const) {
      if (adjoint === 'unrolled' && solver !== 'picard') continue
      if (adjoint !== 'gmres' && solver !== 'picard') continue
      const deq = new DEQ(double, {
        cell: coupled,
        sizes: { A },
        solver: { name: solver, tol: 1e-13, maxIter: 500 },
        adjoint: adjoint === 'unrolled' ? adjoint : ({ name: adjoint, tol: 1e-12 } as never),
      })
      drawParameters(deq, 3, 0.5)
      const input = { u: drawTensor(double, 1, 'u', [B, 2]), v: drawTensor(double, 1, 'v', [B, A]) }
      const g = drawTensor(double, 2, 'g', [B, 3])
      const gState = { a: drawTensor(double, 2, 'ga', [B, A]), b: drawTensor(double, 2, 'gb', [B, 2]) }
      const { output, state } = deq.forward(input as Input)
      const values = () => Object.fromEntries(deq.parameters().map(({ name, value }) => [name, numbers(value)]))
      const solved = () =>
        Array.from({ length: B }, (_, i) =>
          coupledReference(values(), row(input.u.data, i, 2), row(input.v.data, i, A)),
        )
      for (const [i, expected] of solved().entries()) {
        assert.ok(distance(row(output.data, i, 3), expected.output) <= 1e-11, 'output')
        assert.ok(distance(row(state['a'].data, i, A), expected.a) <= 1e-11, 'a')
        assert.ok(distance(row(state['b'].data, i, 2), expected.b) <= 1e-11, 'b')
      }
      const loss = () =>
        solved().reduce(
          (total, { a, b, output: out }, i) =>
            total + dot(out, row(g.data, i, 3)) + dot(a, row(gState.a.data, i, A)) + dot(b, row(gState.b.data, i, 2)),
          0,
        )
      deq.zeroGrad()
      const gradients = deq.backward({ output: g, state: gState })
      const byInput = gradients.input as Record<string, Tensor>
      const pairs: [string, Tensor, number[]][] = [
        ...deq.parameters().map(({ name, value, grad }): [string, Tensor, number[]] => [name, value, numbers(grad)]),
        ['u', input.u, numbers(byInput['u'])],
        ['v', input.v, numbers(byInput['v'])],
      ]
      const H = 1e-5
      for (const [name, tensor, gradient] of pairs) {
        const start = numbers(tensor)
        const direction = generate(1, `direction ${name}`, tensor.size)
        const at = (h: number) => {
          tensor.data.set(start.map((value, i) => value + h * direction[i]))
          return loss()
        }
        const gap = Math.abs((at(H) - at(-H)) / (2 * H) - dot(direction, gradient))
        tensor.data.set(start)
        assert.ok(norm(gradient) > 1e-6, `${name}: the gradient is not 0`)
        assert.ok(gap <= 1e-8 * Math.max(1, norm(gradient)), `${solver}, ${adjoint}: ${name}: ${gap}`)
      }
      deq.dispose()
    }
  }
})
const step = (next: Value, output = next) => ({ state: { h: next }, output })
const square: Record<string, Cell> = {
  'whose map is constant': defineCell({
    state: { h: 2 },
    input: { x: 2 },
    params: { U: [2, 2] },
    step: ({ x, U }) => step(tanh(linear(x, U))),
  }),
  'whose state is its input': defineCell({ state: { h: 2 }, input: { x: 2 }, params: {}, step: ({ x }) => step(x) }),
  'whose output reads the state before': defineCell({
    state: { h: 2 },
    input: { x: 2 },
    params: { W: [2, 2] },
    step: ({ h, x, W }) => step(tanh(linear(h, W, x)), h),
  }),
  'whose states hand each other on': defineCell({
    state: { a: 2, b: 2 },
    input: { x: 2 },
    params: { W: [2, 2] },
    step: ({ a, b, x, W }) => ({ state: { a: b, b: tanh(linear(a, W, x)) }, output: a }),
  }),
  'one of whose states does not move': defineCell({
    state: { a: 2, b: 3 },
    input: { x: 2 },
    params: { W: [2, 2], U: [3, 2], V: [2, 3] },
    step: ({ a, b, x, W, U, V }) => ({
      state: { a: tanh(linear(a, W, linear(b, V, x))), b: linear(x, U) },
      output: a,
    }),
  }),
}
const built: Record<string, Cell> = {
  antisymmetric: antisymmetricRnnCell(),
  orthogonal: orthogonalRnnCell(),
  minGru: minGruCell(),
  indRnn: indRnnCell(),
}
for (const [title, cell] of Object.entries({ ...square, ...built })) {
  users(`${title}: gradients are differences of the solved point, unrolled or not`, () => {
    for (const adjoint of [{ name: 'gmres', tol: 1e-13 }, 'unrolled'] as const) {
      // a contraction or not: unrolling alone asks for one
      if (adjoint === 'unrolled' && title in built) continue
      const solver: SolverOptions = { name: adjoint === 'unrolled' ? 'picard' : 'newton', tol: 1e-14, maxIter: 400 }
      const sizes = title in built ? { sizes: { H: 4, I: 2 } } : {}
      const deq = new DEQ(double, { cell, ...sizes, solver, adjoint, onFailure: 'accept' })
      drawParameters(deq, 3, 0.4)
      const x = drawTensor(double, 1, 'x', [3, 2])
      const { output, info } = deq.forward(x)
      assert.ok(Math.max(...info.residual) <= 1e-13, 'a fixed point')
      const g = drawTensor(double, 2, 'g', output.shape)
      const loss = () => dot(deq.forward(x).output.data, g.data)
      deq.zeroGrad()
      const byInput = numbers(deq.backward({ output: g }).input as Tensor)
      expectDifferences(deq, x, byInput, loss, 1e-7)
      deq.dispose()
    }
  })
}
users.run()
