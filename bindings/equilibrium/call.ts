/** A planned forward for one (T, B): contexts of all steps in one pass, the solve, and what is read from the fixed points. */
import type { CallMemory, PlannedCall } from '../module/calls.ts'
import type { NamedStates } from '../module/state.ts'
import type { Value } from '../program/graph.ts'
import type { Scope } from '../runtime/scope.ts'
import { type Shape, Tensor } from '../runtime/tensor.ts'
import { METHOD } from './format.ts'
import type { SolveReport } from './info.ts'
import { Linearisation } from './linearisation.ts'
import { Mapping } from './mapping.ts'
import { PaddedRows } from './padded-rows.ts'
import { Pass, type PassOptions } from './pass.ts'
import type { PenaltyOptions } from './penalty.ts'
import type { EquilibriumPrograms } from './programs.ts'
import type { SolverSettings } from './settings.ts'
import { Side } from './side.ts'
import { Solver, capacityOf } from './solver.ts'

export interface SolveShape {
  readonly steps: number
  readonly batch: number
  /** [B], or [T, B]. */
  readonly leading: Shape
  /** Does each sample have a length of its own? */
  readonly hasLengths: boolean
}

/** What tells shapes apart. */
export const shapeKey = ({ leading, hasLengths }: SolveShape): string => `${leading.join()} ${hasLengths}`

/** What a module's calls have in common. */
export interface Model {
  readonly programs: EquilibriumPrograms
  readonly solver: SolverSettings
  readonly adjoint: SolverSettings
  readonly penalty: PenaltyOptions
  readonly who: string
}

function furnish(scope: Scope, who: string, { programs, solver, adjoint }: Model, { steps, batch }: SolveShape) {
  const { graphs, runtime } = programs
  const rows = (columns: number, count = batch) => count * columns * runtime.elementBytes
  const recorded = steps * batch * solver.maxIterations
  return scope.rooms(who, {
    z: rows(graphs.columns, steps * batch),
    start: rows(graphs.columns),
    states: graphs.parts.map(({ columns }) => rows(columns)),
    iterates: adjoint.name === 'unrolled' ? rows(graphs.columns, recorded) : undefined,
  })
}

export class EquilibriumCall implements PlannedCall {
  readonly memory: CallMemory
  readonly shape: SolveShape
  readonly model: Model
  readonly output: Tensor
  readonly state: NamedStates
  readonly solver: Solver
  /** Address of z, [T, B, n]. */
  readonly z: number
  /** Address of the recorded iterates; 0 where they are not kept. */
  readonly iterates: number
  readonly readout: Side | undefined
  readonly padding: PaddedRows | undefined
  readonly #start: number
  readonly #context: Pass | undefined
  /** The parameters' version of which the contexts are. */
  #contextVersion = 0
  readonly #value: Mapping
  readonly #tangent: Mapping | undefined

  constructor(memory: CallMemory, model: Model, shape: SolveShape) {
    const { programs, solver: settings } = model
    const { graphs, runtime, ground } = programs
    const { steps, batch, leading } = shape
    const { scope } = memory
    this.memory = memory
    this.model = model
    this.shape = shape
    programs.refresh(this.#who)
    const rooms = furnish(scope, this.#who, model, shape)
    const { at } = rooms
    const tensor = (address: number, axes: Shape) => new Tensor(runtime, rooms.memory, address, axes, 'float')
    this.z = at.z
    this.#start = at.start
    this.iterates = at.iterates ?? 0
    this.state = Object.fromEntries(
      graphs.parts.map(({ name, columns }, i) => [name, tensor(at.states[i]!, [batch, columns])]),
    )
    const context = programs.context()
    this.#context = context.graph.outputs.length > 0 ? new Pass(scope, ground, context, this.passOptions) : undefined
    const capacity = capacityOf(runtime, settings, graphs.columns, batch)
    this.#value = this.#mapping('value', capacity)
    const needsTangent = settings.method === METHOD.NEWTON || settings.method === METHOD.AUTO
    this.#tangent = needsTangent ? this.#mapping('tangent', capacity) : undefined
    const sizes = { steps, rows: batch, columns: graphs.columns, capacity, info: leading }
    this.solver = new Solver(scope, settings, sizes, { value: this.#value, product: this.#tangent, who: this.#who })
    const readout = programs.readout()
    this.readout = readout && new Side(scope, programs, 'readout', readout, this.passOptions)
    this.padding = shape.hasLengths ? new PaddedRows(scope, graphs, this.passOptions) : undefined
    const source = this.readout?.result ?? this.z
    const axes = [...leading, graphs.outputColumns]
    this.output = this.padding?.output ?? tensor(source, axes)
  }

  get passOptions(): PassOptions {
    return { steps: this.shape.steps, batch: this.shape.batch, who: this.#who }
  }

  get #who(): string {
    return `${this.model.who}: the workspace for T = ${this.shape.steps}, B = ${this.shape.batch}`
  }

  /** Rows that a call goes through, and those that are a sample's own. */
  get rows(): { all: number; own: number } {
    const all = this.shape.steps * this.shape.batch
    return { all, own: this.padding?.count ?? all }
  }

  /** Addresses that programs read: z, then the inputs. */
  leaves(inputs: readonly Tensor[]): number[] {
    return [this.z, ...inputs.map(({ address }) => address)]
  }

  /** Finds the fixed points; the output is not computed yet. */
  solve(inputs: readonly Tensor[], initial: NamedStates | undefined): SolveReport {
    const { map } = this.model.programs.graphs
    this.#computeContexts(inputs)
    for (const mapping of this.#tangent ? [this.#value, this.#tangent] : [this.#value]) {
      for (const value of mapping.contexts) {
        const leaf = map.inputs.indexOf(value)
        mapping.setSource(value, leaf > 0 ? inputs[leaf - 1]!.address : this.#context!.entry(value).base)
      }
    }
    const start = initial ? this.#pack(initial) : 0
    const lengths = this.padding?.lengths ?? 0
    return this.solver.run({ start, lengths, constant: 0, result: this.z, iterates: this.iterates })
  }

  /** The map's values at the fixed points, by the parameters as they are now. */
  linearise(inputs: readonly Tensor[]): Linearisation {
    if (this.#contextVersion !== this.model.programs.version) this.#computeContexts(inputs)
    const linearisation = this.linearisation()
    linearisation.run(this.leaves(inputs))
    return linearisation
  }

  /** Computes the output, and gives the last step's states. */
  finish(inputs: readonly Tensor[]): void {
    this.readout?.run(this.leaves(inputs))
    this.padding?.giveOutput(this.readout?.result ?? this.z)
    const { runtime, graphs } = this.model.programs
    const { steps, batch } = this.shape
    const row = graphs.columns * runtime.elementBytes
    for (const { name, columns, offset } of graphs.parts) {
      const bytes = columns * runtime.elementBytes
      const source = this.z + (steps - 1) * batch * row + offset * runtime.elementBytes
      runtime.core.copyRows(batch, bytes, source, row, this.state[name]!.address, bytes)
    }
    this.padding?.holdPoints(this.z, graphs.columns)
  }

  /** ‖Jᵀε‖² / n of each row. */
  penalty(): Side {
    const { programs } = this.model
    return this.memory.once(
      'penalty',
      (scope) => new Side(scope, programs, 'penalty', programs.penalty(), this.passOptions),
    )
  }

  linearisation(): Linearisation {
    return this.memory.once('linearisation', (scope) => {
      const { programs, adjoint } = this.model
      const { columns } = programs.graphs
      const capacity = capacityOf(programs.runtime, adjoint, columns, this.rows.all)
      const atOnce = adjoint.method === METHOD.LU ? Math.max(capacity, columns) : capacity
      const inputs: readonly Value[] = programs.graphs.map.inputs
      const outside = (value: Value) => (inputs.includes(value) ? undefined : this.#context!.entry(value))
      return new Linearisation(scope, programs, { ...this.passOptions, outside }, atOnce)
    })
  }

  #mapping(kind: 'value' | 'tangent', capacity: number): Mapping {
    const { programs } = this.model
    const program = programs[kind]()
    const { inputs } = program.graph
    const vector = kind === 'tangent' ? inputs.at(-1)! : undefined
    const options = { capacity, point: inputs[0]!, vector, who: this.#who }
    return new Mapping(this.memory.scope, programs.ground, program, options)
  }

  #computeContexts(inputs: readonly Tensor[]): void {
    const { programs } = this.model
    programs.refresh(this.#who)
    for (const [i, leaf] of programs.graphs.map.inputs.entries())
      if (i > 0) this.#context?.point(leaf, inputs[i - 1]!.address)
    this.#context?.run()
    this.#contextVersion = programs.version
  }

  /** All states side by side, [B, n]. */
  #pack(states: NamedStates): number {
    const { runtime, graphs } = this.model.programs
    const row = graphs.columns * runtime.elementBytes
    for (const { name, columns, offset } of graphs.parts) {
      const bytes = columns * runtime.elementBytes
      const target = this.#start + offset * runtime.elementBytes
      runtime.core.copyRows(this.shape.batch, bytes, states[name]!.address, bytes, target, row)
    }
    return this.#start
  }
}
