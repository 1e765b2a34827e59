/** The spectral radius of the Jacobian at fixed points. */
import { type Scope, inScope } from '../runtime/scope.ts'
import type { Tensor } from '../runtime/tensor.ts'
import type { EquilibriumCall } from './call.ts'
import { METHOD } from './format.ts'
import type { SolverSettings } from './settings.ts'
import { Solver, capacityOf } from './solver.ts'

/** Vectors of the Krylov space, at most. */
const VECTORS = 128
/** Two estimates that agree to this share, twice in a row, end the process. */
const TOLERANCE = 1e-6

/** Of each sample of a call, 0 for one without steps; J and its transpose have the same eigenvalues. Every sample starts from one random vector. */
export function spectralRadii(call: EquilibriumCall, inputs: readonly Tensor[]): Float64Array {
  const { programs, adjoint, who } = call.model
  const { runtime, graphs } = programs
  const rows = call.shape.steps * call.shape.batch
  const { columns } = graphs
  const settings: SolverSettings = {
    ...adjoint,
    method: METHOD.ARNOLDI,
    tolerance: TOLERANCE,
    maxIterations: 1,
    terms: 0,
    krylov: Math.min(columns, VECTORS),
  }
  const linearisation = call.linearisation()
  const { mapping } = linearisation
  const capacity = Math.min(capacityOf(runtime, settings, columns, rows), linearisation.capacity)
  const sizes = { steps: 1, rows, columns, capacity, info: call.shape.leading }
  const start = startVectors(call, rows)
  const solve = (scope: Scope) => {
    const solver = new Solver(scope, settings, sizes, { value: mapping, product: mapping, who })
    call.linearise(inputs)
    const radii = solver.run({ start: start.address, lengths: 0, constant: 0, result: 0, iterates: 0 }).residual.data
    scope.dispose()
    return radii
  }
  try {
    const radii = inScope(runtime, solve)
    for (const sample of call.padding?.empty ?? [])
      for (let row = sample; row < rows; row += call.shape.batch) radii[row] = 0
    return radii
  } finally {
    start.dispose()
  }
}

/** The same vector in every row: a sample's estimate does not depend on its place. */
function startVectors(call: EquilibriumCall, rows: number): Tensor {
  const { runtime, graphs } = call.model.programs
  const { core, seed, elementBytes } = runtime
  const start = runtime.emptyTensor([rows, graphs.columns])
  const bytes = graphs.columns * elementBytes
  const draws = runtime.emptyTensor([graphs.columns + 1])
  core.fillNormal(graphs.columns, 0, 1, seed >>> 0, Math.floor(seed / 2 ** 32), 0, START, draws.address)
  core.copyRows(rows, bytes, draws.address, 0, start.address, bytes)
  draws.dispose()
  return start
}

const START = 0x4a41_ffff
