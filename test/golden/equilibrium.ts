/** Fixed points by every solver, their gradients by every adjoint, and what a DEQ is made of. */
import {
  Adam,
  type AdjointOptions,
  type Cell,
  DEQ,
  type DEQOptions,
  type EquilibriumOptions,
  type Runtime,
  type SolverOptions,
  antisymmetricRnnCell,
  defineCell,
  indRnnCell,
  minGruCell,
  orthogonalRnnCell,
} from '../../bindings/index.ts'
import { add, concat, linear, mul, scale, sigmoid, tanh } from '../../bindings/ops.ts'
import { drawParameters } from '../support/nets.ts'
import { everyCall } from './calls.ts'
import type { Findings } from './findings.ts'
import { type Program, programs } from './program.ts'
import { type Columns, Run } from './run.ts'

const [T, B, I, H] = [6, 7, 3, 9]
const SIZES = { T, B, columns: I }

const SOLVERS: Readonly<Record<string, SolverOptions>> = {
  picard: { name: 'picard' },
  'picard, damped': { name: 'picard', damping: 0.6, mode: 'absolute' },
  anderson: { name: 'anderson' },
  'anderson of 3, damped': { name: 'anderson', m: 3, beta: 0.8, regularisation: 1e-6, mode: 'mixed', tol: 1e-4 },
  broyden: { name: 'broyden' },
  'broyden of 3': { name: 'broyden', memory: 3 },
  newton: { name: 'newton' },
  'newton, restarted': { name: 'newton', restart: 3 },
  auto: { name: 'auto' },
  'auto, few vectors': { name: 'auto', memory: 4, restart: 4, tol: 1e-3 },
}

const ADJOINTS: Readonly<Record<string, AdjointOptions>> = {
  neumann: { name: 'neumann' },
  'neumann of 6 terms': { name: 'neumann', terms: 6 },
  gmres: { name: 'gmres' },
  'gmres, restarted': { name: 'gmres', restart: 3, mode: 'mixed' },
  bicgstab: { name: 'bicgstab' },
  lu: { name: 'lu' },
  anderson: { name: 'anderson' },
  'anderson of 2': { name: 'anderson', m: 2, beta: 0.9 },
  broyden: { name: 'broyden' },
  'broyden of 3': { name: 'broyden', memory: 3, tol: 1e-3 },
  phantom: { name: 'phantom' },
  'phantom of 3 terms': { name: 'phantom', terms: 3, damping: 0.7 },
  jfb: { name: 'jfb' },
}

/** Parameters within these bounds: contractions, and maps on which some samples of some methods fail. */
const SCALES = { mild: 0.3, hard: 0.8 }

/** Of single rows, and of steps of samples of different lengths. */
function solved(options: Partial<EquilibriumOptions>, rt: Runtime, found: Findings): void {
  for (const [difficulty, size] of Object.entries(SCALES)) {
    const net = new DEQ(rt, { inputSize: I, hiddenSize: H, onFailure: 'accept', ...options })
    drawParameters(net, 4, size)
    const run = new Run(net, found, SIZES)
    run.backward(`${difficulty}, rows`, run.forward(`${difficulty}, rows`, run.row('x')))
    found.take(`${difficulty}, radii`, net.spectralRadius({ perSample: true }))
    const { lengths } = run
    run.backward(
      `${difficulty}, steps`,
      run.forward(`${difficulty}, steps`, run.input(), { state: run.state(), lengths }),
    )
  }
}

function pairs(solvers: readonly string[], adjoints: readonly string[]): Program[] {
  return solvers.flatMap((solver) =>
    adjoints.map((adjoint) => ({
      name: `DEQ: ${solver} | ${adjoint}`,
      run: (rt, found) => solved({ solver: SOLVERS[solver]!, adjoint: ADJOINTS[adjoint]! }, rt, found),
    })),
  )
}

const few = { solvers: ['picard', 'newton'], adjoints: ['neumann', 'gmres', 'lu'] }
const others = (table: object, some: readonly string[]) => Object.keys(table).filter((name) => !some.includes(name))

const OPTIONS: Readonly<Record<string, Partial<EquilibriumOptions>>> = {
  'unrolled through damped iterations': { solver: { name: 'picard', damping: 0.7, maxIter: 12 }, adjoint: 'unrolled' },
  'given up after 3 iterations': { solver: { name: 'anderson', maxIter: 3 }, adjoint: { name: 'gmres', maxIter: 3 } },
  'anderson of more steps than columns, not regularised': {
    hiddenSize: 3,
    solver: { name: 'anderson', m: 8, regularisation: 0, tol: 1e-12, maxIter: 40 },
  },
  'relu, no bias': { nonlinearity: 'relu', bias: false },
  'sigmoid, bounded norm': { nonlinearity: 'sigmoid', spectralNorm: 0.8 },
  'softplus, bounded norm': { nonlinearity: 'softplus', spectralNorm: 0.5, solver: 'broyden' },
  'penalty on the Jacobian': { jacobianPenalty: { weight: 0.3, samples: 2 } },
}

// --- cells of one's own

/** Two states, two inputs, and an output that is neither. */
const coupled = defineCell({
  state: { u: 4, v: 2 },
  input: { x: 3, y: 2 },
  params: { weightU: [4, 4], weightV: [2, 4], weightX: [4, 3], gain: [2] },
  step: ({ u, v, x, y, weightU, weightV, weightX, gain }) => {
    const nextU = tanh(linear(u!, weightU!, linear(x!, weightX!)))
    const nextV = mul(sigmoid(linear(u!, weightV!)), add(scale(v!, 0.4), mul(gain!, y!)))
    return { state: { u: nextU, v: nextV }, output: concat(mul(nextV, y!), u!) }
  },
})

interface Own {
  readonly columns: Columns
  readonly options: DEQOptions
}

const own = (cell: Cell): Own => ({ columns: I, options: { cell, sizes: { I, H: 5 }, onFailure: 'accept' } })

const CELLS: Readonly<Record<string, Own>> = {
  'of its own': { columns: I, options: { inputSize: I, hiddenSize: H } },
  'two states and inputs': { columns: { x: 3, y: 2 }, options: { cell: coupled, init: { gain: [0.1, 0.4] } } },
  'two states, anderson, lu': {
    columns: { x: 3, y: 2 },
    options: { cell: coupled, solver: 'anderson', adjoint: 'lu' },
  },
  'orthogonal RNN': own(orthogonalRnnCell()),
  'antisymmetric RNN': own(antisymmetricRnnCell({ epsilon: 0.4, gamma: 0.9 })),
  IndRNN: own(indRnnCell({ nonlinearity: 'tanh' })),
  minGRU: own(minGruCell()),
}

// --- training

/** Draws for the penalty follow from the number of calls. */
function updates(rt: Runtime, found: Findings): void {
  const net = new DEQ(rt, { inputSize: I, hiddenSize: H, jacobianPenalty: { weight: 0.1 }, spectralNorm: 0.9 })
  const optimizer = new Adam(net, { lr: 0.02 })
  const run = new Run(net, found, SIZES)
  for (let i = 0; i < 3; i++) {
    net.zeroGrad()
    run.backward(`${i}`, run.forward(`${i}`, run.row(`${i}`)))
    optimizer.step()
  }
  found.take('weights', net.stateDict())
}

/** z = W z + U x + b, so that I - Wᵀ is what LU takes apart: with pivots, for its diagonal is small, and where it is singular. */
function linearMap(W: (i: number, j: number) => number, rt: Runtime, found: Findings): void {
  const options = { nonlinearity: 'identity', solver: 'newton', adjoint: 'lu', onFailure: 'accept' } as const
  const net = new DEQ(rt, { inputSize: I, hiddenSize: H, ...options })
  const weight = net.parameters().find(({ name }) => name === 'weight_hh')!.value
  weight.data.set(Float64Array.from({ length: H * H }, (_, k) => W(Math.floor(k / H), k % H)))
  const run = new Run(net, found, SIZES)
  run.backward('rows', run.forward('rows', run.row('x')))
}

export const equilibrium: readonly Program[] = [
  ...pairs(Object.keys(SOLVERS), few.adjoints),
  ...pairs(few.solvers, others(ADJOINTS, few.adjoints)),
  ...Object.entries(OPTIONS).map(([name, options]): Program => {
    return { name: `DEQ: ${name}`, run: (rt, found) => solved(options, rt, found) }
  }),
  ...Object.entries(CELLS).flatMap(([name, { columns, options }]) =>
    everyCall(`DEQ, ${name}`, (rt) => new DEQ(rt, options), { sizes: { T, B, columns } }),
  ),
  ...programs('DEQ', {
    'three updates with a penalty': updates,
    'lu with pivots': (rt, found) => linearMap((i, j) => (i === j ? 1 : ((i * 5 + j * 3) % 7) / 4 - 0.75), rt, found),
    'lu of a singular matrix': (rt, found) => linearMap((i, j) => (i === j ? 1 : 0), rt, found),
  }),
]
