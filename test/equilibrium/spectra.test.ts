/** Spectral radii of the Jacobian at fixed points. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Runtime, type Tensor, createRuntime } from '../../bindings/index.ts'
import { jacobian, spectralRadius } from '../reference/equilibrium.ts'
import { INPUTS, disguised, drawProblem, moduleOf, row } from '../support/equilibrium.ts'
import { drawTensor, numbers } from '../support/nets.ts'
import { EPSILON } from '../support/tolerance.ts'

const double = await createRuntime({ dtype: 'float64', seed: 1 })
const single = await createRuntime({ variant: 'simd', seed: 1 })

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
