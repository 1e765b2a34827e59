/** The fixed set of equilibrium problems z = φ(W z + U u + b), a batch of samples each, and what makes each of them hard. */
import { DEQ, type DEQOptions, type Runtime, type Tensor } from '../../bindings/index.ts'
import { ofNorm, random, rotations, spread, symmetric, upperTriangular } from './matrices.ts'

export interface Problem {
  readonly name: string
  readonly what: string
  readonly nonlinearity: 'tanh' | 'identity'
  /** Samples, columns of u, columns of z. */
  readonly B: number
  readonly I: number
  readonly n: number
  /** [n, n], [n, I], [n]; u [B, I]; a gradient by z [B, n]. Plain lists, since they travel as JSON. */
  readonly W: readonly number[]
  readonly U: readonly number[]
  readonly b: readonly number[]
  readonly u: readonly number[]
  readonly g: readonly number[]
}

const [B, I, n] = [32, 16, 64]

/** Small inputs: tanh stays near its slope 1, so that W's spectrum is that of the Jacobian. */
const SMALL = 0.02

interface Choice extends Pick<Problem, 'name' | 'what'> {
  readonly W: Float64Array
  readonly nonlinearity?: Problem['nonlinearity']
  /** Of u. */
  readonly scale?: number
}

function problem({ name, what, W, nonlinearity = 'tanh', scale = 1 }: Choice): Problem {
  const size = Math.sqrt(W.length)
  return {
    name,
    what,
    nonlinearity,
    B,
    I,
    n: size,
    W: [...W],
    U: [...random(`${name} U`, size * I, 1 / Math.sqrt(I))],
    b: [...random(`${name} b`, size, 0.1 * scale)],
    u: [...random(`${name} u`, B * I, scale)],
    g: [...random(`${name} g`, B * size)],
  }
}

export function makeProblems(): Problem[] {
  return [
    problem({ name: 'contraction', what: '‖W‖ = 0.5', W: ofNorm('contraction', n, 0.5) }),
    problem({
      name: 'near one',
      what: 'W symmetric, eigenvalues from -0.99 to 0.99, small inputs',
      W: symmetric('near one', spread(n, -0.99, 0.99)),
      scale: SMALL,
    }),
    problem({
      name: 'non-normal',
      what: 'W triangular, eigenvalues from -0.5 to 0.5, ‖W‖ = 5 above the diagonal',
      W: upperTriangular('non-normal', spread(n, -0.5, 0.5), 5),
    }),
    problem({
      name: 'rotation',
      what: 'W = 0.95 times a rotation by angles all round the circle, small inputs',
      W: rotations('rotation', 0.95, spread(n / 2, 0.05 * Math.PI, 0.95 * Math.PI)),
      scale: SMALL,
    }),
    problem({
      name: 'beyond one',
      what: 'W symmetric, eigenvalues from -1.05 to 1.05: tanh alone bounds the iterates',
      W: symmetric('beyond one', spread(n, -1.05, 1.05)),
      scale: SMALL,
    }),
    problem({
      name: 'stiff affine',
      what: 'affine, I - W symmetric with eigenvalues from 0.01 to 10, evenly in their logarithm',
      W: symmetric('stiff', spread(n, -2, 1).map((power) => 1 - 10 ** power)),
      nonlinearity: 'identity',
    }), // prettier-ignore
    makeD1(),
  ]
}

/** FACTS' workload D1. */
export function makeD1(): Problem {
  const size = 128
  return problem({ name: 'D1', what: 'n = 128, ‖W‖ = 0.9', W: ofNorm('D1', size, 0.9) })
}

/** A DEQ that holds the problem's parameters, and its inputs. */
export function load(
  rt: Runtime,
  { I, n, B, W, U, b, u, g, nonlinearity }: Problem,
  options: Pick<DEQOptions, 'solver' | 'adjoint' | 'onFailure'>,
): { deq: DEQ; input: Tensor; gradient: Tensor } {
  const deq = new DEQ(rt, { inputSize: I, hiddenSize: n, nonlinearity, ...options })
  const entry = (shape: number[], data: readonly number[]) => ({ shape, data: Float32Array.from(data) })
  deq.loadStateDict({ weight_hh: entry([n, n], W), weight_ih: entry([n, I], U), bias: entry([n], b) })
  return { deq, input: rt.tensor([...u], [B, I]), gradient: rt.tensor([...g], [B, n]) }
}
