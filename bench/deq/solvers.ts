/** Every solver and every adjoint on a problem, beside the reference loops. */
import { type AdjointName, type Runtime, type SolveInfo, type SolverName, createRuntime } from '../../bindings/index.ts'
import { type Effort, type Timing, measure } from '../support/measure.ts'
import { norm, transposed } from './matrices.ts'
import { type Problem, load } from './problems.ts'
import {
  type BatchResult, type Method, type PointMap, type Rule, jaxoptAnderson, normalCg, plain, solveBatch, torchdeqAnderson, torchdeqBroyden,
} from './references.ts' // prettier-ignore

const SOLVERS: readonly SolverName[] = ['picard', 'anderson', 'broyden', 'newton', 'auto']
const ADJOINTS: readonly AdjointName[] = ['neumann', 'gmres', 'bicgstab', 'lu', 'anderson', 'broyden']

/** So many that a failure is one of the method. */
const MAX_ITERATIONS = 1000
/** … and what `maxIter` is where nobody says otherwise. */
const USUAL_ITERATIONS = 100
const TOLERANCE = 1e-5
/** The rule that the references have. */
const MODE = 'relative'

/** How a method did on a batch. */
export interface Row {
  readonly name: string
  readonly iterations?: { readonly median: number; readonly max: number }
  readonly evaluations: { readonly median: number; readonly max: number }
  /** Greatest relative residual of what is given back. */
  readonly worst: number
  /** Samples that its own rule does not call converged; how they ended. */
  readonly failed: number
  readonly outcomes: readonly string[]
  /** Samples that are not converged after 100 iterations. */
  readonly late?: number
  readonly timing?: Timing
}

export interface Outcome {
  readonly radius: number
  readonly solvers: readonly Row[]
  readonly adjoints: readonly Row[]
}

export async function solveProblem(
  problem: Problem,
  variant: 'simd' | 'relaxed',
  { effort, quick }: { effort: Effort; quick: boolean },
): Promise<Outcome> {
  const rt = await createRuntime({ seed: 1, variant })
  const exact = await fixedPoints(problem)
  const solvers = ourSolvers(rt, problem, effort)
  const adjoints = ourAdjoints(rt, problem, effort)
  rt.dispose()
  const forward = forwardMaps(problem)
  const backward = backwardMaps(problem, exact.z)
  return {
    radius: exact.radius,
    solvers: [...solvers, ...references(problem, forward, 1e-3, quick)],
    adjoints: [...adjoints, ...references(problem, backward.maps, 1e-6, quick), cgRow(problem, backward.systems)],
  }
}

/** Fixed points in float64, and the Jacobian's spectral radius there. */
async function fixedPoints(problem: Problem): Promise<{ z: readonly number[]; radius: number }> {
  const rt = await createRuntime({ seed: 1, dtype: 'float64' })
  const { deq, input } = load(rt, problem, {
    solver: { name: 'auto', mode: MODE, maxIter: MAX_ITERATIONS },
    onFailure: 'accept',
  })
  const { output } = deq.forward(input)
  const found = { z: [...output.data], radius: deq.spectralRadius() }
  rt.dispose()
  return found
}

function ourSolvers(rt: Runtime, problem: Problem, effort: Effort): Row[] {
  const cases = SOLVERS.map((name) => {
    const { deq, input } = load(rt, problem, {
      solver: { name, mode: MODE, maxIter: MAX_ITERATIONS },
      onFailure: 'accept',
    })
    const { info, output } = deq.forward(input)
    verifyPoints(problem, info, output.data)
    return { name, info, call: () => deq.forward(input), dispose: () => deq.dispose() }
  })
  return timed(cases, effort)
}

function ourAdjoints(rt: Runtime, problem: Problem, effort: Effort): Row[] {
  const cases = ADJOINTS.map((name) => {
    const solver = { name: 'auto', mode: MODE, maxIter: MAX_ITERATIONS } as const
    const adjoint = name === 'lu' ? { name } : { name, maxIter: MAX_ITERATIONS }
    const { deq, input, gradient } = load(rt, problem, { solver, adjoint: adjoint as { name: 'gmres' }, onFailure: 'accept' }) // prettier-ignore
    deq.forward(input)
    const call = () => deq.backward({ output: gradient }, { inputGradient: false })
    return { name, info: call().info!, call, dispose: () => deq.dispose() }
  })
  return timed(cases, effort)
}

/** A sample that counts as converged is at a fixed point: measured again, in float64. */
function verifyPoints(problem: Problem, info: SolveInfo, z: ArrayLike<number>): void {
  const rounding = 1e-6 // of float32 sums, beside the tolerance
  for (const [i, F] of forwardMaps(problem).entries()) {
    if (!info.converged[i]) continue
    const point = Float64Array.from(Array.prototype.slice.call(z, i * problem.n, (i + 1) * problem.n))
    const value = F(point)
    const residual = norm(value.map((x, k) => x - point[k]!)) / norm(value)
    if (!(residual <= TOLERANCE + rounding)) throw new Error(`${problem.name}: sample ${i} has residual ${residual}`)
  }
}

interface Timeable {
  readonly name: string
  readonly info: SolveInfo
  call(): unknown
  dispose(): void
}

function timed(cases: readonly Timeable[], effort: Effort): Row[] {
  const timings = measure(Object.fromEntries(cases.map(({ name, call }) => [name, call])), effort)
  for (const { dispose } of cases) dispose()
  return cases.map(({ name, info }) => ({ ...rowOf(name, info), timing: timings[name]! }))
}

function rowOf(name: string, { iterations, evaluations, residual, converged, outcome }: SolveInfo): Row {
  return {
    name,
    iterations: extent(iterations),
    evaluations: extent(evaluations),
    worst: Math.max(...residual),
    failed: converged.filter((good) => !good).length,
    outcomes: [...new Set(outcome.filter((_, i) => !converged[i]))],
    late: converged.filter((good, i) => !good || iterations[i]! > USUAL_ITERATIONS).length,
  }
}

function extent(values: ArrayLike<number>): { median: number; max: number } {
  const sorted = Array.from(values).sort((a, b) => a - b)
  return { median: sorted[Math.floor(sorted.length / 2)]!, max: sorted.at(-1)! }
}

/** torchdeq's and jaxopt's, by their own rules; then, unless in a hurry, the same methods by ours. */
function references({ n }: Problem, maps: readonly PointMap[], torchdeqTol: number, quick: boolean): Row[] {
  const torchdeq: Rule = { tol: torchdeqTol, mode: 'absolute', maxEvaluations: 40 }
  const jaxopt: Rule = { tol: 1e-5, mode: 'absolute', maxEvaluations: USUAL_ITERATIONS }
  const ours: Rule = { tol: TOLERANCE, mode: MODE, maxEvaluations: MAX_ITERATIONS + 1 }
  const entries: [string, Method, Rule][] = [
    ['torchdeq fixed_point_iter', plain, torchdeq],
    ['torchdeq anderson', torchdeqAnderson, torchdeq],
    ['torchdeq broyden', torchdeqBroyden, torchdeq],
    ['jaxopt Anderson', jaxoptAnderson, jaxopt],
  ]
  const byOurRule: [string, Method, Rule][] = [
    ['torchdeq anderson, our rule', torchdeqAnderson, ours],
    ['torchdeq broyden, our rule', torchdeqBroyden, ours],
    ['jaxopt Anderson, our rule', jaxoptAnderson, ours],
  ]
  return [...entries, ...(quick ? [] : byOurRule)].map(([name, method, rule]) =>
    referenceRow(name, solveBatch(maps, n, method, rule)),
  )
}

const cgRow = ({ n }: Problem, systems: Parameters<typeof normalCg>[0]): Row =>
  referenceRow('jaxopt normal_cg', normalCg(systems, n))

const referenceRow = (name: string, { evaluations, failures, residuals }: BatchResult): Row => ({
  name,
  evaluations: { median: evaluations, max: evaluations },
  worst: Math.max(...residuals.map((size) => (Number.isNaN(size) ? Infinity : size))),
  failed: failures,
  outcomes: [],
})

/** F of each sample. */
function forwardMaps({ B, I, n, W, U, b, u, nonlinearity }: Problem): PointMap[] {
  const weights = Float64Array.from(W)
  return Array.from({ length: B }, (_, row) => {
    const constant = Float64Array.from({ length: n }, (_, i) => {
      let sum = b[i]!
      for (let k = 0; k < I; k++) sum += U[i * I + k]! * u[row * I + k]!
      return sum
    })
    return (z) => {
      const value = product(weights, z, constant)
      return nonlinearity === 'tanh' ? value.map(Math.tanh) : value
    }
  })
}

/** v ↦ Jᵀ v + g of each sample, and I - Jᵀ with its transpose. */
function backwardMaps(problem: Problem, z: readonly number[]) {
  const { B, n, W, g, nonlinearity } = problem
  const weights = Float64Array.from(W)
  const turned = transposed(n, weights)
  const samples = Array.from({ length: B }, (_, row) => {
    const slopes = Float64Array.from({ length: n }, (_, i) => (nonlinearity === 'tanh' ? 1 - z[row * n + i]! ** 2 : 1))
    const constant = Float64Array.from(g.slice(row * n, (row + 1) * n))
    const Jt = (v: Float64Array, start: Float64Array) =>
      product(
        turned,
        v.map((x, i) => x * slopes[i]!),
        start,
      )
    const J = (v: Float64Array) => product(weights, v, new Float64Array(n)).map((x, i) => x * slopes[i]!)
    const zeros = new Float64Array(n)
    return {
      map: (v: Float64Array) => Jt(v, constant),
      system: {
        A: (v: Float64Array) => Jt(v, zeros).map((x, i) => v[i]! - x),
        At: (v: Float64Array) => J(v).map((x, i) => v[i]! - x),
        g: constant,
      },
    }
  })
  return { maps: samples.map(({ map }) => map), systems: samples.map(({ system }) => system) }
}

/** start + A x. */
function product(A: Float64Array, x: Float64Array, start: Float64Array): Float64Array {
  const n = x.length
  const out = Float64Array.from(start)
  for (let i = 0; i < n; i++) {
    let sum = 0
    for (let k = 0; k < n; k++) sum += A[i * n + k]! * x[k]!
    out[i]! += sum
  }
  return out
}
