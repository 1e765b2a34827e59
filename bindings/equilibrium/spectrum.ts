/** The spectral radius of the Jacobian at fixed points. */
import { type Scope, withScope } from '../runtime/scope.ts'
import type { Tensor } from '../runtime/tensor.ts'
import type { EquilibriumCall } from './call.ts'
import { METHOD } from './format.ts'
import type { SolverSettings } from './settings.ts'
import { Solver, capacityOf } from './solver.ts'

/** Vectors of the Krylov space, at most. */
const VECTORS = 128
/** Two estimates that agree to this share, twice in a row, end the process. */
const TOLERANCE = 1e-6
/** What is other than in an adjoint's settings. */
const ARNOLDI = { method: METHOD.ARNOLDI, tolerance: TOLERANCE, maxIterations: 1, terms: 0 }

/** Of each sample of a call, 0 for one without steps; J and its transpose have the same eigenvalues. Every sample starts from one random vector. */
export function spectralRadii(call: EquilibriumCall, inputs: readonly Tensor[]): Float64Array {
  const { programs, adjoint, who } = call.model
  const { runtime, graphs } = programs
  const rows = call.rows.all
  const { columns } = graphs
  const settings: SolverSettings = { ...adjoint, ...ARNOLDI, krylov: Math.min(columns, VECTORS) }
  const { mapping, capacity: most } = call.linearisation()
  const capacity = Math.min(capacityOf(runtime, settings, columns, rows), most)
  const sizes = { steps: 1, rows, columns, capacity, info: call.shape.leading }
  const radii = withScope(runtime, (scope) => {
    const start = startVectors(scope, rows, columns)
    const solver = new Solver(scope, settings, sizes, { value: mapping, product: mapping, who })
    call.linearise(inputs)
    return solver.run({ start, lengths: 0, constant: 0, result: 0, iterates: 0 }).residual.data
  })
  for (const sample of call.padding?.empty ?? [])
    for (let row = sample; row < rows; row += call.shape.batch) radii[row] = 0
  return radii
}

/** Address of the same vector in every row: a sample's estimate does not depend on its place. */
function startVectors(scope: Scope, rows: number, columns: number): number {
  const { core, seed, elementBytes } = scope.runtime
  const bytes = columns * elementBytes
  const { at } = scope.rooms('vectors to start from', { start: rows * bytes, draws: bytes + elementBytes })
  core.fillNormal(columns, 0, 1, seed >>> 0, Math.floor(seed / 2 ** 32), 0, START, at.draws)
  core.copyRows(rows, bytes, at.draws, 0, at.start, bytes)
  return at.start
}

const START = 0x4a41_ffff
