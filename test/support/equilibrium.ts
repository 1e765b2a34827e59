/** Equilibrium problems: as a module, and as the reference knows them. */
import * as assert from 'uvu/assert'
import { DEQ, type EquilibriumOptions, type Parameter, type Runtime, type Tensor } from '../../bindings/index.ts'
import { type Problem, matrixProduct, norm, spectralNorm, transposed } from '../reference/equilibrium.ts'
import { generate } from './generator.ts'
import { dot } from './nets.ts'

/** 'symmetric': real eigenvalues of both signs; 'rotation': orthogonal, complex pairs; 'general': neither. */
export type MatrixKind = 'symmetric' | 'rotation' | 'general'

export const KINDS: readonly MatrixKind[] = ['symmetric', 'rotation', 'general']

export const SOLVERS = ['picard', 'anderson', 'broyden', 'newton', 'auto'] as const

/** Input columns of the problems that tests draw. */
export const INPUTS = 3

/** An [n, n] matrix of the given spectral norm. */
export function drawMatrix(kind: MatrixKind, n: number, size: number, seed = 1): number[] {
  const draws = Array.from(generate(seed, `${kind} matrix`, n * n))
  const flipped = transposed(n, draws)
  const raw =
    kind === 'general'
      ? draws
      : kind === 'symmetric'
        ? draws.map((value, k) => value + flipped[k])
        : orthogonalised(n, draws)
  const scale = size / spectralNorm(n, raw)
  return raw.map((value) => value * scale)
}

/** Rows by Gram and Schmidt's process, twice. */
function orthogonalised(n: number, A: readonly number[]): number[] {
  const rows: number[][] = []
  for (let i = 0; i < n; i++) {
    let row = A.slice(i * n, (i + 1) * n)
    for (const other of [...rows, ...rows]) {
      const share = row.reduce((sum, value, j) => sum + value * other[j], 0)
      row = row.map((value, j) => value - share * other[j])
    }
    rows.push(row.map((value) => value / norm(row)))
  }
  return rows.flat()
}

export function drawProblem(
  nonlinearity: Problem['nonlinearity'],
  kind: MatrixKind,
  { n, inputs, size, seed = 1 }: { n: number; inputs: number; size: number; seed?: number },
): Problem {
  // a weak drive: tanh stays away from its flat ends, and ρ(J) near ‖W‖
  return {
    n,
    inputs,
    nonlinearity,
    W: drawMatrix(kind, n, size, seed),
    U: Array.from(generate(seed, 'U', n * inputs, 0.5)),
    b: Array.from(generate(seed, 'b', n, 0.05)),
  }
}

/** An orthogonal similarity of a block matrix: the same spectrum, no zeros. */
export function disguised(n: number, A: readonly number[], seed = 1): number[] {
  const Q = orthogonalised(n, Array.from(generate(seed, 'basis', n * n)))
  return matrixProduct(n, transposed(n, Q), matrixProduct(n, A, Q))
}

export function load(deq: DEQ, { W, U, b }: Problem): void {
  const values: Record<string, readonly number[]> = { weight_hh: W, weight_ih: U, bias: b }
  for (const { name, value } of deq.parameters()) value.data.set(values[name])
}

export type Choice = Omit<EquilibriumOptions, 'inputSize' | 'hiddenSize' | 'nonlinearity'>

/** The module that computes a problem. */
export function moduleOf(runtime: Runtime, problem: Problem, options: Choice = {}): DEQ {
  const { n, inputs, nonlinearity } = problem
  const deq = new DEQ(runtime, { inputSize: inputs, hiddenSize: n, nonlinearity, ...options })
  load(deq, problem)
  return deq
}

/** Row `index` of an array of rows. */
export const row = (data: ArrayLike<number>, index: number, columns: number): number[] =>
  Array.from({ length: columns }, (_, j) => data[index * columns + j])

export const gradientOf = (deq: DEQ, name: string): number[] =>
  Array.from((deq.parameters().find((parameter) => parameter.name === name) as Parameter).grad.data)

export const bits = (tensor: Tensor): ArrayLike<number> => tensor.data.slice()

/** ‖a - b‖ */
export const distance = (a: readonly number[], b: readonly number[]): number => norm(a.map((value, i) => value - b[i]))

export const zeros = (count: number): number[] => Array.from({ length: count }, () => 0)

/** Gradients by W, U, b and the input against central differences of `loss`, along random directions. */
export function expectDifferences(deq: DEQ, x: Tensor, byInput: number[], loss: () => number, tolerance: number): void {
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
