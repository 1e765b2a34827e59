// The implicit gradient beside BPTT through K iterations, and where the series that BPTT sums diverges.
import {
  createRuntime,
  DEQ,
  type DEQOptions,
  type Module,
  RetrogradError,
  RNN,
  type Runtime,
  type Tensor,
} from 'retrograd'
import { drawLines, type Point } from '../kit/lines.ts'
import { formatTable } from '../kit/table.ts'
import { check } from './check.ts'
import { dot, draws, type Matrix, nonNormalOf, norm, normalOf, times } from './matrices.ts'
import { type Convergence, figureOf, type Kind } from './equivalence-figure.ts'

const [N, INPUTS] = [32, 4]
const RADII = [0.5, 0.8, 0.9]
const UNSTABLE = 1.2
/** Of the non-normal matrices: entries above the diagonal are drawn from ± this. */
const COUPLING = 0.25
const SEED = 1
/** Of each component of z*. */
const SIZE = 0.4
/** Errors below this are rounding, not what the series leaves out. */
const FLOOR = 1e-11
/**
 * BPTT also runs along the way to z*, so that it leaves out up to a multiple of K ρ^K: over the last half of a curve, from K to 2 K, the
 * factor K makes the rate greater by 2^(1 / K), 3 % at K = 22, the least there is.
 */
const RATE_TOLERANCE = 0.05
const POINTS = 60
const NEWTON = { name: 'newton', tol: 1e-13, restart: N } as const
const LU = { name: 'lu', tol: 1e-13 } as const

const KINDS: Readonly<Record<Kind, (rho: number) => Matrix>> = {
  normal: (rho: number) => normalOf(N, rho, SEED),
  'non-normal': (rho: number) => nonNormalOf(N, rho, COUPLING, SEED),
}

/** z' = tanh(W z + U u + b) that has the fixed point z* with the Jacobian J, and a loss g · z*. */
interface Problem {
  readonly weights: Readonly<Record<'W' | 'U' | 'b', readonly number[]>>
  readonly fixedPoint: readonly number[]
  readonly u: readonly number[]
  readonly g: readonly number[]
}

/** J = diag(1 - z*²) W is inverted for W, and b makes z* the fixed point: ± SIZE, so that the slopes of tanh are one and leave norms in proportion. */
function problemOf(J: Matrix): Problem {
  const fixedPoint = draws(N, SEED + 100).map((x) => Math.sign(x) * SIZE)
  const W = J.map((row, i) => row.map((x) => x / (1 - fixedPoint[i]! ** 2)))
  const U = draws(N * INPUTS, SEED + 101)
  const u = draws(INPUTS, SEED + 102)
  const product = times(W, fixedPoint)
  const b = fixedPoint.map((z, i) => Math.atanh(z) - product[i]! - dot(U.slice(i * INPUTS, (i + 1) * INPUTS), u))
  return { weights: { W: W.flat(), U, b }, fixedPoint, u, g: draws(N, SEED + 103) }
}

export async function equivalence(quick: boolean): Promise<string> {
  const rt = await createRuntime({ seed: SEED, dtype: 'float64' })
  const radii = quick ? RADII.slice(0, 2) : RADII
  const stable = (Object.keys(KINDS) as Kind[]).map((kind) => ({
    kind,
    curves: radii.map((rho) => convergence(rt, kind, rho)),
  }))
  const rows = stable.flatMap(({ kind, curves }) => curves.map((curve) => [kind, ...rowOf(curve)]))
  console.log('\nRelative error of the gradient by W, U and b against the implicit one (newton, lu; float64, n = 32)')
  console.log(formatTable(['J', 'ρ(J)', 'K', 'BPTT from z = 0', 'neumann, K terms', 'ρ^K', 'rate of BPTT'], rows))

  const diverging = (Object.keys(KINDS) as Kind[]).map((kind) => ({ kind, ...divergence(rt, kind) }))
  rt.dispose()
  return drawLines(figureOf(stable, diverging, UNSTABLE))
}

function convergence(rt: Runtime, kind: Kind, rho: number): Convergence {
  const problem = problemOf(KINDS[kind](rho))
  const exact = implicitGradient(rt, problem, { adjoint: LU })
  const last = Math.ceil(Math.log(FLOOR / 100) / Math.log(rho))
  const depths = [...new Set(Array.from({ length: POINTS }, (_, i) => Math.ceil(((i + 1) * last) / POINTS)))]
  const against = (gradient: (K: number) => readonly number[]) =>
    depths.map((K) => ({ x: K, y: distance(gradient(K), exact) })).filter(({ y }) => y > FLOOR)
  const bptt = against((K) => unrolledGradient(rt, problem, K))
  const neumann = against((K) => implicitGradient(rt, problem, { adjoint: { name: 'neumann', terms: K } }))

  if (kind === 'normal') {
    const worst = Math.max(...neumann.map(({ x, y }) => Math.abs(y / rho ** x - 1) * rho ** x))
    check(worst < FLOOR, `K terms of Neumann's series leave out ρ^K of a gradient, exactly, where J is normal`)
  }
  const excess = rateOf(bptt) / rho - 1
  check(Math.abs(excess) < RATE_TOLERANCE, `the error of BPTT falls as ρ^K (${kind}, ρ = ${rho})`)
  return { rho, bptt, neumann }
}

/** The error's factor per iteration, over the last half of the curve. */
function rateOf(points: readonly Point[]): number {
  const [a, b] = ends(points)
  return (b.y / a.y) ** (1 / (b.x - a.x))
}

const ends = (points: readonly Point[]): [Point, Point] => [points[points.length >> 1]!, points.at(-1)!]

function rowOf({ rho, bptt, neumann }: Convergence): string[] {
  const { x: K, y } = ends(bptt)[0]
  const terms = neumann.find(({ x }) => x === K)
  return [
    String(rho),
    String(K),
    y.toExponential(1),
    terms ? terms.y.toExponential(1) : '',
    (rho ** K).toExponential(1),
    rateOf(bptt).toFixed(4),
  ]
}

/** At a fixed point whose Jacobian has ρ > 1, and which only newton finds. */
function divergence(rt: Runtime, kind: Kind): { neumann: Point[] } {
  const problem = problemOf(KINDS[kind](UNSTABLE))
  const exact = implicitGradient(rt, problem, { adjoint: LU })
  const neumann = Array.from({ length: 40 }, (_, i) => {
    const gradient = implicitGradient(rt, problem, { adjoint: { name: 'neumann', terms: i + 1, onFailure: 'accept' } })
    return { x: i + 1, y: distance(gradient, exact) }
  })
  check(neumann.at(-1)!.y > 10 * neumann[0]!.y, `Neumann's series diverges where ρ(J) = ${UNSTABLE}`)

  const deq = createDeq(rt, problem, { adjoint: 'neumann' })
  solve(rt, deq, problem)
  console.log(`\n${kind} J, ρ(J) = ${deq.spectralRadius().toFixed(3)} at a fixed point found by newton`)
  check(Math.abs(deq.spectralRadius() - UNSTABLE) < 1e-5 * UNSTABLE, 'the Jacobian there is the one that was asked for')
  console.log(`  neumann: ${refusal(() => gradientOf(rt, deq, problem))}`)
  deq.dispose()
  const truth = directional(rt, problem, exact)
  for (const adjoint of [LU, { name: 'gmres', tol: 1e-12, restart: N }] as const) {
    const slope = dot(implicitGradient(rt, problem, { adjoint }), truth.direction)
    const error = Math.abs(slope - truth.slope)
    console.log(
      `  ${adjoint.name}: ${slope.toFixed(9)} along a random direction; differences ${truth.slope.toFixed(9)}, apart ${error.toExponential(1)} (allowed ${truth.tolerance.toExponential(1)})`,
    )
    check(error <= truth.tolerance, `${adjoint.name} is right where ρ(J) > 1`)
  }
  return { neumann }
}

/** The message with which the module refuses; the gradients stay as they are. */
function refusal(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    if (error instanceof RetrogradError && error.code === 'convergence') return error.message
    throw error
  }
  throw new Error('the module said nothing of a series that diverges')
}

/**
 * The loss's slope along a random direction of (W, U, b) by central differences of the solved point. The tolerance: differences with
 * steps h and 2h are apart by three times the truncation error of h; a residual r of the solve moves the loss by at most ‖v‖ r, with
 * (I - Jᵀ) v = g, which is (gradient by b) / (1 - z*²).
 */
function directional(rt: Runtime, problem: Problem, gradient: readonly number[]) {
  const direction = draws(gradient.length, SEED + 104)
  const h = 1e-4 / norm(direction)
  const by = (step: number) =>
    (lossAt(rt, problem, direction, step) - lossAt(rt, problem, direction, -step)) / (2 * step)
  const [slope, wider] = [by(h), by(2 * h)]
  const v = gradient.slice(-N).map((x, i) => x / (1 - problem.fixedPoint[i]! ** 2))
  const residual = NEWTON.tol * norm(problem.fixedPoint)
  return { direction, slope, tolerance: Math.abs(slope - wider) + (norm(v) * residual) / h }
}

function lossAt(rt: Runtime, problem: Problem, direction: readonly number[], step: number): number {
  const { W, U, b } = problem.weights
  const moved = [...W, ...U, ...b].map((x, i) => x + step * direction[i]!)
  const [u, c] = [W.length, W.length + U.length]
  const weights = { W: moved.slice(0, u), U: moved.slice(u, c), b: moved.slice(c) }
  const deq = createDeq(rt, { ...problem, weights }, {})
  const loss = dot(Array.from(solve(rt, deq, problem).data), problem.g)
  deq.dispose()
  return loss
}

function createDeq(rt: Runtime, { weights: { W, U, b } }: Problem, options: Pick<DEQOptions, 'adjoint'>): DEQ {
  const deq = new DEQ(rt, { inputSize: INPUTS, hiddenSize: N, solver: NEWTON, ...options })
  deq.loadStateDict({
    weight_hh: { shape: [N, N], data: Float64Array.from(W) },
    weight_ih: { shape: [N, INPUTS], data: Float64Array.from(U) },
    bias: { shape: [N], data: Float64Array.from(b) },
  })
  return deq
}

/** The search starts beside z*, lest newton find another fixed point. */
function solve(rt: Runtime, deq: DEQ, { u, fixedPoint }: Problem): Tensor {
  const input = rt.tensor(u, [1, INPUTS])
  const start = rt.tensor(fixedPoint.map((z) => z + 0.001), [1, N]) // prettier-ignore
  return deq.forward(input, { state: { z: start } }).output
}

function gradientOf(rt: Runtime, deq: DEQ, { g }: Problem): number[] {
  const output = rt.tensor(g, [1, N])
  try {
    deq.backward({ output })
  } finally {
    output.dispose()
  }
  return named(deq, ['weight_hh', 'weight_ih', 'bias'])
}

/** By W, U and b, one after the other. */
function implicitGradient(rt: Runtime, problem: Problem, options: Pick<DEQOptions, 'adjoint'>): number[] {
  const deq = createDeq(rt, problem, options)
  solve(rt, deq, problem)
  const gradient = gradientOf(rt, deq, problem)
  deq.dispose()
  return gradient
}

/** By an RNN that reads the input K times from z = 0, the loss standing on its last state: another program, the same map. */
function unrolledGradient(rt: Runtime, { weights: { W, U, b }, u, g }: Problem, K: number): number[] {
  const rnn = new RNN(rt, { inputSize: INPUTS, hiddenSize: N })
  rnn.loadStateDict({
    weight_hh_l0: { shape: [N, N], data: Float64Array.from(W) },
    weight_ih_l0: { shape: [N, INPUTS], data: Float64Array.from(U) },
    bias_ih_l0: { shape: [N], data: Float64Array.from(b) },
    bias_hh_l0: { shape: [N], data: new Float64Array(N) },
  })
  const input = rt.tensor(Array.from({ length: K }, () => u).flat(), [K, 1, INPUTS])
  const h = rt.tensor(g, [1, 1, N])
  rnn.forward(input)
  rnn.backward({ state: { h } }, { inputGradient: false })
  const gradient = named(rnn, ['weight_hh_l0', 'weight_ih_l0', 'bias_ih_l0'])
  for (const thing of [rnn, input, h]) thing.dispose()
  return gradient
}

function named(module: Module, names: readonly string[]): number[] {
  const parameters = module.parameters()
  return names.flatMap((name) => Array.from(parameters.find((parameter) => parameter.name === name)!.grad.data))
}

const distance = (a: readonly number[], b: readonly number[]): number => norm(a.map((x, i) => x - b[i]!)) / norm(b)
