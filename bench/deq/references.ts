/**
 * The solvers of torchdeq and jaxopt by their own defaults, as plain loops in float64: for iterations and failures, not for time. The whole
 * batch goes on until its worst sample stops, as it does there.
 *
 * @see https://github.com/locuslab/torchdeq (solver/anderson.py, broyden.py, fp_iter.py; core.py), https://github.com/google/jaxopt
 * (_src/anderson.py, linear_solve.py)
 */
import { dot, norm } from './matrices.ts'

export type PointMap = (z: Float64Array) => Float64Array

/** An evaluation: where, what came of it, and whether the library looks at its residual at all. */
interface Visit {
  readonly point: Float64Array
  readonly value: Float64Array
  readonly isTested: boolean
  /** What the library would give back here. */
  readonly result: Float64Array
}

/** A sample's visits, without end. */
export type Method = (F: PointMap, n: number) => Generator<Visit, never>

export interface Rule {
  readonly tol: number
  readonly mode: 'absolute' | 'relative'
  readonly maxEvaluations: number
}

export interface BatchResult {
  /** Of every sample. */
  readonly evaluations: number
  /** Samples whose best residual, by the rule, is above the tolerance. */
  readonly failures: number
  /** Relative residuals of what is given back, measured. */
  readonly residuals: readonly number[]
}

export function solveBatch(maps: readonly PointMap[], n: number, method: Method, rule: Rule): BatchResult {
  const walks = maps.map((F) => method(F, n))
  const best = maps.map(() => ({ size: Infinity, result: new Float64Array(n) as Float64Array }))
  let evaluations = 0
  for (let isGood = false; !isGood && evaluations < rule.maxEvaluations; evaluations++) {
    isGood = true
    for (const [i, walk] of walks.entries()) {
      const visit = walk.next().value
      const size = visit.isTested ? sizeOf(visit, rule.mode) : Infinity
      if (size < best[i]!.size) best[i] = { size, result: visit.result }
      if (!(size <= rule.tol)) isGood = false
    }
  }
  return {
    evaluations,
    failures: best.filter(({ size }) => !(size <= rule.tol)).length,
    residuals: best.map(({ result }, i) => relativeResidual(maps[i]!, result)),
  }
}

function sizeOf({ point, value }: Visit, mode: Rule['mode']): number {
  const size = norm(minus(value, point))
  return mode === 'absolute' ? size : size / norm(value)
}

function relativeResidual(F: PointMap, z: Float64Array): number {
  const value = F(z)
  return norm(minus(value, z)) / norm(value)
}

/** torchdeq's solver by default, forward and backward. */
export function* plain(F: PointMap, n: number): Generator<Visit, never> {
  for (let z: Float64Array = new Float64Array(n); ;) {
    const value = F(z)
    yield { point: z, value, isTested: true, result: value }
    z = value
  }
}

/** m = 6, lam = 1e-4 added to the Gram matrix as it is, tau = 1; the first two evaluations are not tested. */
export function* torchdeqAnderson(F: PointMap, n: number): Generator<Visit, never> {
  const [m, lam] = [6, 1e-4]
  const points: Float64Array[] = []
  const values: Float64Array[] = []
  for (let k = 0, point: Float64Array = new Float64Array(n); ; k++) {
    const value = F(point)
    points[k % m] = point
    values[k % m] = value
    yield { point, value, isTested: k >= 2, result: value }
    point = k === 0 ? value : combined(values, mixture(points, values, lam))
  }
}

/** m = 5, ridge = 1e-5, beta = 1; plain iteration until the history is full. */
export function* jaxoptAnderson(F: PointMap, n: number): Generator<Visit, never> {
  const [m, ridge] = [5, 1e-5]
  const points: Float64Array[] = []
  const values: Float64Array[] = []
  for (let k = 0, point: Float64Array = new Float64Array(n); ; k++) {
    const value = F(point)
    points[k % m] = point
    values[k % m] = value
    yield { point, value, isTested: true, result: value }
    point = k + 1 < m ? value : combined(values, mixture(points, values, ridge))
  }
}

/** Weights that sum to 1 and make the weighted residual least. */
function mixture(points: readonly Float64Array[], values: readonly Float64Array[], ridge: number): number[] {
  const residuals = values.map((value, i) => minus(value, points[i]!))
  const rows = residuals.map((a, i) => [1, ...residuals.map((b, j) => dot(a, b) + (i === j ? ridge : 0)), 0])
  return eliminate([[0, ...residuals.map(() => 1), 1], ...rows]).slice(1)
}

/** Every pair is kept; no line search. */
export function* torchdeqBroyden(F: PointMap, n: number): Generator<Visit, never> {
  const pairs: { u: Float64Array; v: Float64Array }[] = []
  /** (-I + Σ u vᵀ) x, or its transpose. */
  const inverse = (x: Float64Array, isTransposed = false) => {
    const out = x.map((value) => -value)
    for (const { u, v } of pairs) addTo(out, dot(isTransposed ? u : v, x), isTransposed ? v : u)
    return out
  }
  let z: Float64Array = new Float64Array(n)
  let value = F(z)
  let residual = minus(value, z)
  yield { point: z, value, isTested: false, result: z }
  for (;;) {
    const step = inverse(residual).map((x) => -x)
    const next = z.map((x, i) => x + step[i]!)
    value = F(next)
    const change = minus(minus(value, next), residual)
    residual = minus(value, next)
    z = next
    yield { point: z, value, isTested: true, result: z }
    const v = inverse(step, true)
    const scale = 1 / dot(v, change)
    const u = minus(step, inverse(change)).map((x) => x * scale)
    if ([...u, ...v].every(Number.isFinite)) pairs.push({ u, v })
  }
}

/**
 * jaxopt's implicit solve: conjugate gradients on AᵀA v = Aᵀ g until ‖Aᵀ(g - A v)‖ <= tol ‖Aᵀ g‖, at most 10 n times. Each takes
 * one product with A and one with Aᵀ.
 */
export function normalCg(
  systems: readonly { A: PointMap; At: PointMap; g: Float64Array }[],
  n: number,
  tol = 1e-5,
): BatchResult {
  const states = systems.map(({ A, At, g }) => ({ A, At, g, v: new Float64Array(n), r: At(g), p: At(g), goal: tol * norm(At(g)) })) // prettier-ignore
  let iterations = 0
  for (; iterations < 10 * n && states.some(({ r, goal }) => norm(r) > goal); iterations++) {
    for (const state of states) {
      const { A, At, v, r, p } = state
      const Ap = At(A(p))
      const rho = dot(r, r)
      if (rho === 0) continue
      const alpha = rho / dot(p, Ap)
      addTo(v, alpha, p)
      addTo(r, -alpha, Ap)
      const beta = dot(r, r) / rho
      state.p = p.map((x, i) => r[i]! + beta * x)
    }
  }
  return {
    evaluations: 1 + 2 * iterations,
    failures: states.filter(({ r, goal }) => !(norm(r) <= goal)).length,
    // of the map v ↦ Jᵀ v + g, as for the other methods
    residuals: states.map(({ A, v, g }) => {
      const residual = minus(g, A(v))
      return norm(residual) / norm(v.map((x, i) => x + residual[i]!))
    }),
  }
}

const minus = (x: Float64Array, y: Float64Array): Float64Array => x.map((value, i) => value - y[i]!)

function addTo(y: Float64Array, factor: number, x: Float64Array): void {
  for (let i = 0; i < y.length; i++) y[i]! += factor * x[i]!
}

function combined(vectors: readonly Float64Array[], weights: readonly number[]): Float64Array {
  const sum = new Float64Array(vectors[0]!.length)
  for (const [i, vector] of vectors.entries()) addTo(sum, weights[i]!, vector)
  return sum
}

/** The solution of the rows [A | b], by elimination with partial pivoting. */
function eliminate(rows: number[][]): number[] {
  const n = rows.length
  for (let k = 0; k < n; k++) {
    let best = k
    for (let i = k + 1; i < n; i++) if (Math.abs(rows[i]![k]!) > Math.abs(rows[best]![k]!)) best = i
    ;[rows[k], rows[best]] = [rows[best]!, rows[k]!]
    for (let i = 0; i < n; i++) {
      if (i === k) continue
      const factor = rows[i]![k]! / rows[k]![k]!
      for (let j = k; j <= n; j++) rows[i]![j]! -= factor * rows[k]![j]!
    }
  }
  return rows.map((row, k) => row[n]! / row[k]!)
}
