/** Fixed points of F(z, x) = φ(W z + U x + b), their Jacobians and gradients: plain loops, dense, float64, one sample at a time. */
import { solveReference } from './solve.ts'

type Numbers = ArrayLike<number>

export interface Problem {
  /** Columns of z. */
  readonly n: number
  /** Columns of x. */
  readonly inputs: number
  readonly nonlinearity: 'tanh' | 'identity'
  /** [n, n], [n, inputs], [n]. */
  readonly W: readonly number[]
  readonly U: readonly number[]
  readonly b: readonly number[]
}

/** A x, A: [rows, x.length]. */
export function multiply(A: Numbers, x: Numbers): number[] {
  return Array.from({ length: A.length / x.length }, (_, i) => {
    let sum = 0
    for (let j = 0; j < x.length; j++) sum += A[i * x.length + j] * x[j]
    return sum
  })
}

/** Aᵀ x, A: [x.length, columns]. */
export function multiplyTransposed(A: Numbers, x: Numbers): number[] {
  const columns = A.length / x.length
  const out = Array.from({ length: columns }, () => 0)
  for (let i = 0; i < x.length; i++) for (let j = 0; j < columns; j++) out[j] += A[i * columns + j] * x[i]
  return out
}

export const norm = (x: Numbers): number => Math.hypot(...Array.from(x))

/** F(z, x). */
export function step({ nonlinearity, W, U, b }: Problem, z: Numbers, x: Numbers): number[] {
  const [recurrent, driven] = [multiply(W, z), multiply(U, x)]
  const a = recurrent.map((value, i) => value + driven[i] + b[i])
  return nonlinearity === 'tanh' ? a.map(Math.tanh) : a
}

/** φ'(a) for every column. */
export function slopes(problem: Problem, z: Numbers, x: Numbers): number[] {
  return step(problem, z, x).map((f) => (problem.nonlinearity === 'tanh' ? 1 - f * f : 1))
}

/** ∂F/∂z = diag(φ'(a)) W, [n, n]. */
export function jacobian(problem: Problem, z: Numbers, x: Numbers): number[] {
  const slope = slopes(problem, z, x)
  return problem.W.map((w, k) => slope[Math.floor(k / problem.n)] * w)
}

/** ‖F(z) - z‖ in the units of a stopping rule. */
export function residual(problem: Problem, z: Numbers, x: Numbers, mode: 'relative' | 'absolute' | 'mixed'): number {
  const f = step(problem, z, x)
  const distance = norm(f.map((value, i) => value - z[i]))
  return distance / { relative: norm(f), absolute: 1, mixed: 1 + norm(f) }[mode]
}

/** I - A, [n, n]. */
export const identityMinus = (n: number, A: Numbers): number[] =>
  Array.from(A, (value, k) => Number(Math.floor(k / n) === k % n) - value)

export const transposed = (n: number, A: Numbers): number[] =>
  Array.from(A, (_, k) => A[(k % n) * n + Math.floor(k / n)])

/** By plain iteration from 0 until nothing moves any more: for a contraction. */
export function iteratedPoint(problem: Problem, x: Numbers): number[] {
  let z = Array.from({ length: problem.n }, () => 0)
  for (let k = 0; k < 100_000; k++) {
    const next = step(problem, z, x)
    const moved = norm(next.map((value, i) => value - z[i]))
    z = next
    if (moved <= 1e-15 * norm(z)) return z
  }
  throw new Error('the reference did not converge')
}

/** By Newton's method with the dense Jacobian, from a point near it, to rounding. */
export function newtonPoint(problem: Problem, x: Numbers, start: Numbers): number[] {
  const { n } = problem
  let z = Array.from(start)
  for (let k = 0; k < 30; k++) {
    const gap = step(problem, z, x).map((value, i) => value - z[i])
    if (norm(gap) <= 1e-15 * norm(z)) break
    const move = solveReference(n, 1, identityMinus(n, jacobian(problem, z, x)), gap)
    z = z.map((value, i) => value + move[i])
  }
  if (!(residual(problem, z, x, 'relative') < 1e-14)) throw new Error('the reference did not converge')
  return z
}

export interface Gradients {
  readonly W: number[]
  readonly U: number[]
  readonly b: number[]
  /** By x. */
  readonly x: number[]
}

/** What one evaluation of F at z sends back of the cotangent v: (∂F/∂θ)ᵀ v. */
export function pullBack(problem: Problem, z: Numbers, x: Numbers, v: Numbers): Gradients {
  const slope = slopes(problem, z, x)
  const a = slope.map((value, i) => value * v[i])
  const outer = (right: Numbers) => a.flatMap((left) => Array.from(right, (value) => left * value))
  return { W: outer(z), U: outer(x), b: a, x: multiplyTransposed(problem.U, a) }
}

/** v with (I - Jᵀ) v = g at z. */
export function adjointSolution(problem: Problem, z: Numbers, x: Numbers, g: Numbers): number[] {
  const matrix = transposed(problem.n, identityMinus(problem.n, jacobian(problem, z, x)))
  return solveReference(problem.n, 1, matrix, g)
}

/** Of g · z*, by the implicit function theorem. */
export function implicitGradients(problem: Problem, z: Numbers, x: Numbers, g: Numbers): Gradients {
  return pullBack(problem, z, x, adjointSolution(problem, z, x, g))
}

/** Σ_{i < terms} (Jᵀ)^i g. */
export function neumannSum(problem: Problem, z: Numbers, x: Numbers, g: Numbers, terms: number): number[] {
  const J = jacobian(problem, z, x)
  let term = Array.from(g)
  let sum = term
  for (let i = 1; i < terms; i++) {
    term = multiplyTransposed(J, term)
    const added = term
    sum = sum.map((value, k) => value + added[k])
  }
  return sum
}

export function addGradients(into: Gradients, more: Gradients): Gradients {
  const sum = (a: number[], b: number[]) => a.map((value, i) => value + b[i])
  return { W: sum(into.W, more.W), U: sum(into.U, more.U), b: sum(into.b, more.b), x: sum(into.x, more.x) }
}

export function zeroGradients({ n, inputs }: Problem): Gradients {
  const zeros = (count: number) => Array.from({ length: count }, () => 0)
  return { W: zeros(n * n), U: zeros(n * inputs), b: zeros(n), x: zeros(inputs) }
}

/** `count` steps z + damping (F(z) - z) from z0, the start first. */
export function dampedSteps(problem: Problem, x: Numbers, z0: Numbers, count: number, damping: number): number[][] {
  const points = [Array.from(z0)]
  for (let k = 0; k < count; k++) {
    const z = points[k]
    points.push(step(problem, z, x).map((f, i) => z[i] + damping * (f - z[i])))
  }
  return points
}

/** Backpropagation through damped steps: the gradients, and what arrives at their start. */
export function throughSteps(
  problem: Problem,
  x: Numbers,
  points: readonly number[][],
  damping: number,
  g: Numbers,
): { gradients: Gradients; start: number[] } {
  let gradients = zeroGradients(problem)
  let carry = Array.from(g)
  for (let k = points.length - 2; k >= 0; k--) {
    const share = carry.map((value) => damping * value)
    gradients = addGradients(gradients, pullBack(problem, points[k], x, share))
    const back = multiplyTransposed(jacobian(problem, points[k], x), share)
    carry = carry.map((value, i) => value - share[i] + back[i])
  }
  return { gradients, start: carry }
}

/** A B, both [n, n]. */
export function matrixProduct(n: number, A: Numbers, B: Numbers): number[] {
  return Array.from({ length: n * n }, (_, k) => {
    const [i, j] = [Math.floor(k / n), k % n]
    let sum = 0
    for (let l = 0; l < n; l++) sum += A[i * n + l] * B[l * n + j]
    return sum
  })
}

/** ρ(A) = lim ‖A^(2^k)‖^(1 / 2^k), by repeated squaring: exact to a factor of cond^(2^-40). */
export function spectralRadius(n: number, A: Numbers): number {
  let [power, logarithm] = [Array.from(A), 0]
  for (let k = 0; k < 40; k++) {
    const size = norm(power)
    if (size === 0) return 0
    logarithm += Math.log(size) / 2 ** k
    power = power.map((value) => value / size)
    power = matrixProduct(n, power, power)
  }
  return Math.exp(logarithm)
}

/** ‖A‖₂ = √ρ(AᵀA). */
export const spectralNorm = (n: number, A: Numbers): number =>
  Math.sqrt(spectralRadius(n, matrixProduct(n, transposed(n, A), A)))

export function inverse(n: number, A: Numbers): number[] {
  const identity = Array.from({ length: n * n }, (_, k) => Number(Math.floor(k / n) === k % n))
  return solveReference(n, n, A, identity)
}
