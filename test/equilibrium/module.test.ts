/** DEQ as a module: spectra, penalties, users' cells, streaming, tapes, training; values against plain loops. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  Adam,
  DEQ,
  type Cell,
  type Input,
  Linear,
  type Runtime,
  Sequential,
  type SolverOptions,
  type Tensor,
  type Value,
  antisymmetricRnnCell,
  createRuntime,
  defineCell,
  fit,
  indRnnCell,
  minGruCell,
  mseLoss,
  orthogonalRnnCell,
} from '../../bindings/index.ts'
import { add, linear, mul, scale, sigmoid, sum, tanh } from '../../bindings/ops.ts'
import {
  type Problem,
  iteratedPoint,
  jacobian,
  matrixProduct,
  multiply,
  newtonPoint,
  norm,
  spectralNorm,
  spectralRadius,
  transposed,
} from '../reference/equilibrium.ts'
import { disguised, drawMatrix, drawProblem, gradientOf, load, moduleOf, row } from '../support/equilibrium.ts'
import { generate } from '../support/generator.ts'
import { dot, drawParameters, drawTensor, numbers } from '../support/nets.ts'
import { EPSILON } from '../support/tolerance.ts'

const double = await createRuntime({ dtype: 'float64', seed: 1 })
const single = await createRuntime({ variant: 'simd', seed: 1 })
const INPUTS = 3
const difference = (a: readonly number[], b: readonly number[]) => norm(a.map((value, i) => value - b[i]))

const spectra = suite('spectralRadius')

/** A diagonal matrix of eigenvalues within 0.8, and what is set over it. */
function matrix(n: number, entries: Record<number, number> = {}): number[] {
  const entry = (k: number) => (k % (n + 1) > 0 ? 0 : 0.8 * Math.cos(k / (n + 1) + 1))
  return Array.from({ length: n * n }, (_, k) => entries[k] ?? entry(k))
}

/** Names, matrices with a known spectral radius, and the condition of that eigenvalue. */
function knownSpectra(n: number): [string, number[], number][] {
  const found: [string, number[], number][] = [
    ['zero', Array.from({ length: n * n }, () => 0), 0],
    ['diagonal', matrix(n, { 0: -0.9 }), 0.9],
    ['symmetric', disguised(n, matrix(n, { 0: -0.9 })), 0.9],
  ]
  if (n === 1) return found
  // 0.95 (cos, sin): a pair that dominates
  const pair = { 0: 0.57, 1: -0.76, [n]: 0.76, [n + 1]: 0.57 }
  found.push(['a complex pair', disguised(n, matrix(n, pair)), 0.95])
  found.push(['expanding', disguised(n, matrix(n, { 0: 3 })), 3])
  const above = Object.fromEntries(Array.from({ length: n - 1 }, (_, i) => [i * (n + 1) + 1, 0.1]))
  found.push(['triangular', matrix(n, { 0: 0.95, ...above }), 0.95])
  return found
}
for (const rt of [double, single]) {
  for (const n of [1, 2, 3, 64, 200]) {
    spectra(`of known spectra, n = ${n}, ${rt.dtype}`, () => {
      for (const [name, W, expected] of knownSpectra(n)) {
        const found = radiusOf(rt, n, W)
        // eigenvalues near normal matrices' move by rounding times a small condition; 1e-5: two estimates that agree to 1e-6 end the process
        const tolerance = (n <= 3 ? 100 * EPSILON[rt.dtype] : 1e-5) * expected
        assert.ok(Math.abs(found - expected) <= tolerance, `${name}: ${found}; expected ${expected}`)
      }
    })
  }
  spectra(`of Jordan blocks, as far as rounding lets them be seen, ${rt.dtype}`, () => {
    for (const n of [2, 3, 4]) {
      const W = Array.from({ length: n * n }, (_, k) => (k % (n + 1) === 0 ? 0.7 : k % (n + 1) === 1 ? 1 : 0))
      // an eigenvalue of multiplicity n moves by the n-th root of a perturbation
      const tolerance = (n * EPSILON[rt.dtype]) ** (1 / n)
      assert.ok(Math.abs(radiusOf(rt, n, disguised(n, W)) - 0.7) <= 2 * tolerance, `n = ${n}`)
    }
  })
}
spectra('of tanh maps: J = diag(1 - z²) W at each sample, and the greatest of all', () => {
  for (const kind of ['symmetric', 'rotation', 'general'] as const) {
    for (const n of [1, 2, 5, 20]) {
      const [T, B] = [2, 3]
      const problem = drawProblem('tanh', kind, { n, inputs: INPUTS, size: 1.1 })
      const deq = moduleOf(double, problem, { solver: { name: 'newton', maxIter: 3000 } })
      const x = drawTensor(double, 1, 'x', [T, B, INPUTS])
      const { output } = deq.forward(x)
      const radii = deq.spectralRadius({ perSample: true })
      assert.is(radii.length, T * B)
      assert.is(deq.spectralRadius(), Math.max(...radii))
      for (const [i, radius] of radii.entries()) {
        const expected = spectralRadius(n, jacobian(problem, row(output.data, i, n), row(x.data, i, INPUTS)))
        assert.ok(Math.abs(radius - expected) <= 1e-5 * expected, `${kind}, n = ${n}: ${radius}; expected ${expected}`)
      }
      deq.dispose()
    }
  }
})
spectra('of a sample does not depend on its neighbours, nor on the adjoint, and leaves the tape alone', () => {
  const problem = drawProblem('tanh', 'rotation', { n: 7, inputs: INPUTS, size: 0.95 })
  const x = drawTensor(single, 1, 'x', [300, INPUTS])
  const [deq, other] = (['gmres', 'lu'] as const).map((adjoint) => moduleOf(single, problem, { adjoint }))
  deq.forward(x)
  other.forward(x)
  const radii = deq.spectralRadius({ perSample: true })
  assert.equal(other.spectralRadius({ perSample: true }), radii)
  const g = drawTensor(single, 2, 'g', [300, 7])
  const after = numbers(deq.backward({ output: g }).input as Tensor)
  deq.forward(x)
  assert.equal(numbers(deq.backward({ output: g }).input as Tensor), after)
  for (const i of [0, 100, 255, 256, 299]) {
    deq.forward(single.tensor(row(x.data, i, INPUTS), [1, INPUTS]))
    assert.is(deq.spectralRadius(), radii[i])
  }
})
spectra.run()

function radiusOf(rt: Runtime, n: number, W: number[]): number {
  const zeros = Array.from({ length: n }, () => 0)
  const deq = moduleOf(rt, { n, inputs: 1, nonlinearity: 'identity', W, U: zeros, b: zeros })
  deq.forward(rt.tensor([1], [1, 1]))
  const radius = deq.spectralRadius()
  deq.dispose()
  return radius
}

/** Gradients by W, U, b and the input against central differences of `loss`, along random directions. */
function expectDifferences(deq: DEQ, x: Tensor, byInput: number[], loss: () => number, tolerance: number): void {
  const pairs = deq.parameters().map(({ name, value, grad }) => [name, value, Array.from(grad.data)] as const)
  const H = 1e-5
  for (const [name, tensor, gradient] of [...pairs, ['x', x, byInput] as const]) {
    const start = Array.from(tensor.data)
    for (let d = 0; d < 3; d++) {
      const direction = generate(d, `direction ${name}`, tensor.size)
      const at = (h: number) => {
        tensor.data.set(start.map((value, i) => value + h * direction[i]))
        return loss()
      }
      const gap = Math.abs((at(H) - at(-H)) / (2 * H) - dot(direction, gradient))
      tensor.data.set(start)
      assert.ok(norm(gradient) > 1e-6, `${name}: the gradient is not 0`)
      assert.ok(gap <= tolerance * norm(gradient) * norm(direction), `${name}: ${gap} of ${norm(gradient)}`)
    }
  }
}

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

const bounded = suite('spectralNorm')

/** Gives W as the module uses it: J of a linear map, from two terms of the Neumann series of each unit vector. */
function weightInUse(rt: Runtime, n: number, limit: number): (W: readonly number[]) => number[] {
  const deq = new DEQ(rt, {
    inputSize: n,
    hiddenSize: n,
    nonlinearity: 'identity',
    spectralNorm: limit,
    adjoint: { name: 'neumann', terms: 2 },
    onFailure: 'accept',
  })
  const zeros = (count: number) => Array.from({ length: count }, () => 0)
  const U = zeros(n * n).map((_, k) => Number(k % (n + 1) === 0))
  const [x, g] = [rt.tensor(zeros(n * n), [n, n]), rt.tensor(U, [n, n])]
  return (W) => {
    load(deq, { n, inputs: n, nonlinearity: 'identity', W, U, b: zeros(n) })
    deq.forward(x)
    const { input } = deq.backward({ output: g })
    return Array.from((input as Tensor).data, (value, k) => value - U[k])
  }
}
for (const rt of [double, single]) {
  bounded(`the W in use has a norm of at most the limit, and W's direction, ${rt.dtype}`, () => {
    const sizes = rt === double ? [0, 1e-60, 1e-8, 0.5, 1, 30, 1e6, 1e60] : [0, 1e-20, 1e-8, 0.5, 1, 30, 1e6, 1e8]
    for (const n of [1, 2, 3, 8, 33]) {
      for (const limit of [0.9, 1.2]) {
        const inUse = weightInUse(rt, n, limit)
        for (const kind of ['symmetric', 'rotation', 'general'] as const) {
          const unit = drawMatrix(kind, n, 1, n)
          for (const size of sizes) {
            const used = inUse(unit.map((value) => value * size))
            const found = norm(used) === 0 ? 0 : spectralNorm(n, used)
            const rounding = 1 + 8 * n * EPSILON[rt.dtype]
            assert.ok(found <= limit * rounding, `${kind}, n = ${n}, ‖W‖ = ${size}: ${found}`)
            // the bound exceeds ‖W‖ by n^(1/256) at most
            const least = Math.min(size, limit) / n ** (1 / 256) / rounding
            assert.ok(found >= least - 8 * EPSILON[rt.dtype], `${kind}, n = ${n}, ‖W‖ = ${size}: only ${found}`)
            const gap = difference(
              used,
              unit.map((value) => value * found),
            )
            // u + 1 loses what is below rounding of 1
            assert.ok(gap <= 64 * n * EPSILON[rt.dtype], `${kind}, n = ${n}, ‖W‖ = ${size}: ${gap} aside`)
          }
        }
      }
    }
  })
}
bounded('its gradient is that of the solved point, where the limit bites and where it does not', () => {
  for (const size of [0.5, 4]) {
    const problem = drawProblem('tanh', 'general', { n: 5, inputs: INPUTS, size })
    const deq = moduleOf(double, problem, {
      spectralNorm: 0.9,
      solver: { name: 'newton', tol: 1e-14, onFailure: 'accept' },
      adjoint: { name: 'gmres', tol: 1e-13 },
    })
    const x = drawTensor(double, 1, 'x', [3, INPUTS])
    const g = drawTensor(double, 2, 'g', [3, 5])
    const loss = () => dot(deq.forward(x).output.data, g.data)
    loss()
    deq.zeroGrad()
    const byInput = numbers(deq.backward({ output: g }).input as Tensor)
    expectDifferences(deq, x, byInput, loss, 1e-7)
    deq.dispose()
  }
})
bounded('below 1 plain iteration always converges, as fast as the limit says', () => {
  for (const rt of [double, single]) {
    for (let seed = 0; seed < 12; seed++) {
      const n = 1 + 3 * seed
      const deq = new DEQ(rt, {
        inputSize: 2,
        hiddenSize: n,
        spectralNorm: 0.8,
        solver: { name: 'picard', mode: 'absolute', tol: 1e-5, maxIter: 200 },
      })
      drawParameters(deq, seed, 10 ** (seed - 3))
      const { info } = deq.forward(drawTensor(rt, seed, 'x', [4, 2]))
      for (const [i, count] of info.iterations.entries()) {
        // ‖F(z_k) - z_k‖ <= 0.8^k ‖F(0)‖
        const allowed = Math.ceil(Math.log(1e-5 / info.trace[i][0]) / Math.log(0.8))
        assert.ok(info.converged[i] && count <= Math.max(allowed, 0) + 1, `${count} iterations of ${allowed}`)
      }
      deq.dispose()
    }
  }
})
bounded.run()

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
    if (difference([...a, ...b], last) <= 1e-16) break
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
        assert.ok(difference(row(output.data, i, 3), expected.output) <= 1e-11, 'output')
        assert.ok(difference(row(state['a'].data, i, A), expected.a) <= 1e-11, 'a')
        assert.ok(difference(row(state['b'].data, i, 2), expected.b) <= 1e-11, 'b')
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

const module = suite('DEQ')
const options = { inputSize: INPUTS, hiddenSize: 6 }
module('names its parameters, and a state dict goes round', () => {
  const [one, two] = [new DEQ(double, options), new DEQ(double, options)]
  assert.equal(Object.fromEntries(one.parameters().map(({ name, value }) => [name, [...value.shape]])), {
    weight_hh: [6, 6],
    weight_ih: [6, 3],
    bias: [6],
  })
  assert.equal(
    new DEQ(double, { ...options, bias: false }).parameters().map(({ name }) => name),
    ['weight_hh', 'weight_ih'],
  )
  const x = drawTensor(double, 1, 'x', [4, INPUTS])
  assert.not.equal(numbers(one.forward(x).output), numbers(two.forward(x).output))
  two.loadStateDict(one.stateDict())
  assert.equal(numbers(one.forward(x).output), numbers(two.forward(x).output))
  for (const { value } of one.parameters())
    assert.ok(
      value.data.every((weight) => Math.abs(weight) <= 1 / Math.sqrt(6)),
      'drawn within 1 / √H',
    )
})
for (const rt of [double, single]) {
  module(`a stream of steps gives the bits of a sequence, ${rt.dtype}`, () => {
    const [T, B] = [5, 3]
    for (const solver of ['picard', 'anderson', 'broyden', 'newton', 'auto'] as const) {
      const deq = new DEQ(rt, { ...options, solver, spectralNorm: 0.9 })
      drawParameters(deq, 5)
      const x = drawTensor(rt, 1, 'x', [T, B, INPUTS])
      const start = drawTensor(rt, 2, 'start', [B, 6])
      const whole = deq.forward(x, { state: { z: start } })
      const expected = [numbers(whole.output), numbers(whole.state['z']), [...whole.info.iterations]]
      const state = deq.initialState(B)
      state['z'].data.set(start.data)
      const [outputs, iterations]: [number[], number[]] = [[], []]
      for (let t = 0; t < T; t++) {
        const xt = rt.tensor(Array.from(x.data.slice(t * B * INPUTS, (t + 1) * B * INPUTS)), [B, INPUTS])
        const result = deq.step(xt, state)
        assert.is(result.state, state)
        outputs.push(...numbers(result.output))
        iterations.push(...result.info.iterations)
        xt.dispose()
      }
      assert.equal([outputs, numbers(state['z']), iterations], expected, solver)
      const parts = deq.forward(rt.tensor(numbers(x).slice(0, 2 * B * INPUTS), [2, B, INPUTS]), { state: { z: start } })
      const rest = deq.forward(rt.tensor(numbers(x).slice(2 * B * INPUTS), [3, B, INPUTS]), { state: parts.state })
      assert.equal(numbers(rest.output), expected[0].slice(2 * B * 6), 'a split sequence, its state handed in')
      deq.dispose()
    }
  })
}
module('a sequence starts each step from the last fixed point', () => {
  const problem = drawProblem('tanh', 'rotation', { n: 6, inputs: INPUTS, size: 0.95 })
  const deq = moduleOf(double, problem, { solver: { name: 'picard', maxIter: 2000 } })
  const x = drawTensor(double, 1, 'x', [2, INPUTS])
  for (let j = 0; j < INPUTS; j++) x.data[INPUTS + j] = x.data[j] + 1e-6
  const sequence = deq.forward(double.tensor(numbers(x), [2, 1, INPUTS]))
  assert.equal([...sequence.info.iterations.shape], [2, 1])
  assert.equal(sequence.info.iterations.toArray(), [[sequence.info.iterations[0]], [sequence.info.iterations[1]]])
  assert.ok(sequence.info.iterations[1] < sequence.info.iterations[0], 'a warm start is shorter')
  for (let t = 0; t < 2; t++) {
    const exact = iteratedPoint(problem, row(x.data, t, INPUTS))
    assert.ok(difference(row(sequence.output.data, t, 6), exact) <= 1e-8)
  }
})
module('a state handed back in, and an output as the next input, are read before they are overwritten', () => {
  const problem = drawProblem('tanh', 'general', { n: 4, inputs: 4, size: 0.9 })
  const deq = moduleOf(double, problem, { solver: { name: 'picard', tol: 1e-3 } })
  const x = drawTensor(double, 1, 'x', [3, 4])
  const first = deq.forward(x)
  const state = { z: first.state['z'].clone() }
  const output = first.output.clone()
  const byCopies = numbers(deq.forward(output, { state }).output)
  const g = drawTensor(double, 2, 'g', [3, 4])
  deq.zeroGrad()
  const gradient = numbers(deq.backward({ output: g }).input as Tensor)
  const weights = gradientOf(deq, 'weight_ih')
  const radius = deq.spectralRadius()
  const again = deq.forward(x)
  assert.equal(numbers(deq.forward(again.output, { state: again.state }).output), byCopies)
  deq.zeroGrad()
  assert.equal(numbers(deq.backward({ output: g }).input as Tensor), gradient)
  assert.equal(gradientOf(deq, 'weight_ih'), weights)
  assert.is(deq.spectralRadius(), radius)
  const third = deq.forward(x)
  const kept = deq.forward(third.output, { state: third.state, keep: true })
  assert.equal(numbers(kept.output), byCopies)
  deq.forward(x)
  assert.equal(numbers(deq.backward({ output: g }, { tape: kept.tape! }).input as Tensor), gradient)
})
module('two kept tapes, read in either order, are two modules', () => {
  for (const adjoint of ['gmres', 'lu', 'unrolled', 'phantom'] as const) {
    const make = () => {
      const deq = new DEQ(double, { ...options, solver: { name: 'picard', maxIter: 500 }, adjoint, spectralNorm: 0.9 })
      drawParameters(deq, 4)
      return deq
    }
    const deq = make()
    const inputs = [1, 2].map((seed) => drawTensor(double, seed, 'x', [2, 3, INPUTS]))
    const gradients = [1, 2].map((seed) => drawTensor(double, seed, 'g', [2, 3, 6]))
    const alone = inputs.map((x, i) => {
      const own = make()
      const output = numbers(own.forward(x).output)
      const input = numbers(own.backward({ output: gradients[i] }).input as Tensor)
      return { output, input, W: gradientOf(own, 'weight_hh') }
    })
    for (const order of [
      [0, 1],
      [1, 0],
      [0, 1, 1, 0],
    ]) {
      const calls = inputs.map((x) => deq.forward(x, { keep: true }))
      deq.forward(drawTensor(double, 3, 'x', [2, 3, INPUTS]))
      for (const i of order) {
        deq.zeroGrad()
        const input = numbers(deq.backward({ output: gradients[i] }, { tape: calls[i].tape! }).input as Tensor)
        assert.equal({ output: numbers(calls[i].output), input, W: gradientOf(deq, 'weight_hh') }, alone[i], adjoint)
      }
      for (const { tape } of calls) tape!.dispose()
    }
    deq.dispose()
  }
})
module('parameters that change are seen by every shape of call, backward and spectra included', () => {
  const make = () => new DEQ(double, { ...options, spectralNorm: 0.5 })
  const deq = make()
  const inputs = [2, 3].map((B) => drawTensor(double, 1, 'x', [B, INPUTS]))
  const look = (net: DEQ, x: Tensor) => {
    const output = numbers(net.forward(x).output)
    net.zeroGrad()
    const byInput = numbers(net.backward({ output: drawTensor(double, 2, 'g', [x.shape[0], 6]) }).input as Tensor)
    return [output, byInput, gradientOf(net, 'weight_hh'), net.spectralRadius()]
  }
  for (const seed of [1, 2, 3]) {
    drawParameters(deq, seed, seed)
    for (const i of [0, 1, 0]) {
      const fresh = make()
      drawParameters(fresh, seed, seed)
      assert.equal(look(deq, inputs[i]), look(fresh, inputs[i]))
      fresh.dispose()
    }
  }
})
module('what is frozen or not wanted is left out, the rest is the same', () => {
  for (const adjoint of ['gmres', 'unrolled'] as const) {
    const deq = new DEQ(double, { ...options, solver: { name: 'picard', maxIter: 500 }, adjoint, spectralNorm: 0.9 })
    const x = drawTensor(double, 1, 'x', [2, INPUTS])
    const g = drawTensor(double, 2, 'g', [2, 6])
    const names = ['weight_hh', 'weight_ih', 'bias']
    const back = (wanted: object) => {
      deq.forward(x)
      deq.zeroGrad()
      return deq.backward({ output: g }, wanted)
    }
    const input = numbers(back({}).input as Tensor)
    const whole = names.map((name) => gradientOf(deq, name))
    assert.is(back({ inputGradient: false }).input, undefined)
    assert.equal(
      names.map((name) => gradientOf(deq, name)),
      whole,
    )
    deq.freeze(['weight_hh'])
    assert.equal(numbers(back({}).input as Tensor), input)
    assert.ok(gradientOf(deq, 'weight_hh').every((value) => value === 0))
    assert.equal([gradientOf(deq, 'weight_ih'), gradientOf(deq, 'bias')], whole.slice(1))
    deq.dispose()
  }
})
module('in a Sequential: values of both layers, gradients by differences', () => {
  const problem = drawProblem('tanh', 'general', { n: 5, inputs: INPUTS, size: 0.9 })
  const deq = moduleOf(double, problem, {
    solver: { name: 'newton', tol: 1e-14, onFailure: 'accept' },
    adjoint: { name: 'gmres', tol: 1e-13 },
  })
  const head = new Linear(double, { inFeatures: 5, outFeatures: 2 })
  const net = new Sequential(double, [deq, head])
  assert.equal(Object.keys(net.stateDict()), ['0.weight_hh', '0.weight_ih', '0.bias', '1.weight', '1.bias'])
  const x = drawTensor(double, 1, 'x', [4, INPUTS])
  const g = drawTensor(double, 2, 'g', [4, 2])
  const { output } = net.forward(x)
  const [weight, bias] = head.parameters().map(({ value }) => numbers(value))
  for (let i = 0; i < 4; i++) {
    const given = row(x.data, i, INPUTS)
    const z = newtonPoint(problem, given, iteratedPoint(problem, given))
    const expected = multiply(weight, z).map((value, j) => value + bias[j])
    assert.ok(difference(row(output.data, i, 2), expected) <= 1e-12)
  }
  net.zeroGrad()
  const byInput = numbers(net.backward({ output: g }).input as Tensor)
  expectDifferences(deq, x, byInput, () => dot(net.forward(x).output.data, g.data), 1e-7)
})
for (const adjoint of ['gmres', 'jfb', 'phantom', 'unrolled'] as const) {
  module(`is trained with ${adjoint}: the loss falls to a tenth`, async () => {
    const deq = new DEQ(single, {
      inputSize: 2,
      hiddenSize: 12,
      spectralNorm: 0.95,
      solver: adjoint === 'unrolled' ? { name: 'picard', maxIter: 200, tol: 1e-4 } : 'auto',
      adjoint,
      jacobianPenalty: { weight: 1e-3 },
    })
    const net = new Sequential(single, [deq, new Linear(single, { inFeatures: 12, outFeatures: 1 })])
    const input = drawTensor(single, 1, 'x', [64, 2])
    const target = single.tensor(
      Array.from({ length: 64 }, (_, i) => Math.sin(2 * input.data[2 * i]) * input.data[2 * i + 1]),
      [64, 1],
    )
    const { loss } = await fit(
      net,
      { input, target },
      { loss: mseLoss, optimizer: new Adam(net, { lr: 0.02 }), epochs: 60, batchSize: 32, seed: 1 },
    )
    assert.ok(loss.at(-1)! < 0.1 * loss[0], `${loss[0]} to ${loss.at(-1)}`)
    net.dispose()
  })
}
module.run()
