/** A planned forward for one (T, B): contexts of all steps in one pass, the solve, and what is read from the fixed points. */
import type { Value } from '../program/graph.ts'
import { Area } from '../program/layout.ts'
import type { Allocation } from '../runtime/heap.ts'
import { type Shape, Tensor } from '../runtime/tensor.ts'
import { BackwardCall } from './backward-call.ts'
import { METHOD } from './format.ts'
import type { Report } from './info.ts'
import { Linearisation } from './linearisation.ts'
import { Mapping } from './mapping.ts'
import { PaddedRows } from './padded-rows.ts'
import { Pass, type PassOptions } from './pass.ts'
import type { PenaltyOptions } from './penalty.ts'
import { type Programs, type Wanted, keyOf } from './programs.ts'
import type { Settings } from './settings.ts'
import { Side } from './side.ts'
import { Solver, capacityOf } from './solver.ts'

export interface CallShape {
  readonly steps: number
  readonly batch: number
  /** [B], or [T, B]. */
  readonly leading: Shape
  /** Does each sample have a length of its own? */
  readonly hasLengths: boolean
}

/** What a module's calls have in common. */
export interface Model {
  readonly programs: Programs
  readonly solver: Settings
  readonly adjoint: Settings
  readonly penalty: PenaltyOptions
  readonly who: string
}

/** States by name, [B, n] each. */
export type NamedStates = Readonly<Record<string, Tensor>>

export class ForwardCall {
  readonly shape: CallShape
  readonly model: Model
  readonly output: Tensor
  readonly state: NamedStates
  readonly solver: Solver
  /** Address of z, [T, B, n]. */
  readonly z: number
  /** Address of the recorded iterates; 0 where they are not kept. */
  readonly iterates: number
  readonly memory: Allocation
  readonly #start: number
  readonly #context: Pass | undefined
  /** The parameters' version of which the contexts are. */
  #contextVersion = 0
  readonly #value: Mapping
  readonly #tangent: Mapping | undefined
  readonly readout: Side | undefined
  readonly padding: PaddedRows | undefined
  readonly #backward = new Map<string, BackwardCall>()
  #linearisation: Linearisation | undefined
  #penalty: Side | undefined

  constructor(model: Model, shape: CallShape) {
    const { programs, solver: settings } = model
    const { graphs, runtime } = programs
    const { steps, batch, leading } = shape
    this.model = model
    this.shape = shape
    programs.refresh(this.#who)
    const made: { dispose(): void }[] = []
    const keep = <Thing extends { dispose(): void }>(thing: Thing): Thing => {
      made.push(thing)
      return thing
    }
    try {
      const area = new Area()
      const take = (columns: number, rows = batch) => area.take(rows * columns * runtime.elementBytes)
      const z = take(graphs.columns, steps * batch)
      const start = take(graphs.columns)
      const states = graphs.parts.map(({ columns }) => take(columns))
      const kept = model.adjoint.name === 'unrolled' ? steps * batch * settings.maxIterations : 0
      const iterates = take(graphs.columns, kept)
      this.memory = keep(runtime.heap.allocateZeros(area.bytes, this.#who))
      const { address } = this.memory
      this.z = address + z
      this.#start = address + start
      this.iterates = kept > 0 ? address + iterates : 0
      const named = graphs.parts.map(({ name, columns }, i) => {
        return [name, new Tensor(runtime, this.memory, address + states[i]!, [batch, columns], 'float')] as const
      })
      this.state = Object.fromEntries(named)
      const context = programs.context()
      this.#context = context.graph.outputs.length > 0 ? keep(new Pass(programs, context, this.passOptions)) : undefined
      const capacity = capacityOf(runtime, settings, graphs.columns, batch)
      this.#value = keep(this.#mapping('value', capacity))
      const needsTangent = settings.method === METHOD.NEWTON || settings.method === METHOD.AUTO
      this.#tangent = needsTangent ? keep(this.#mapping('tangent', capacity)) : undefined
      const sizes = { steps, rows: batch, columns: graphs.columns, capacity, info: leading }
      const mappings = { value: this.#value, product: this.#tangent, who: this.#who }
      this.solver = keep(new Solver(runtime, settings, sizes, mappings))
      const readout = programs.readout()
      this.readout = readout && keep(new Side(programs, 'readout', readout, this.passOptions))
      this.padding = shape.hasLengths ? keep(new PaddedRows(programs, this.passOptions)) : undefined
      const source = this.readout?.result ?? this.z
      const axes = [...leading, graphs.outputColumns]
      this.output = this.padding?.output ?? new Tensor(runtime, this.memory, source, axes, 'float')
    } catch (error) {
      for (const thing of made) thing.dispose()
      throw error
    }
  }

  get passOptions(): PassOptions {
    return { steps: this.shape.steps, batch: this.shape.batch, who: this.#who }
  }

  get #who(): string {
    return `${this.model.who}: the workspace for T = ${this.shape.steps}, B = ${this.shape.batch}`
  }

  /** Addresses that programs read: z, then the inputs. */
  leaves(inputs: readonly Tensor[]): number[] {
    return [this.z, ...inputs.map(({ address }) => address)]
  }

  /** Finds the fixed points; the output is not computed yet. */
  solve(inputs: readonly Tensor[], initial: NamedStates | undefined): Report {
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

  penalty(): Side {
    const { programs } = this.model
    this.#penalty ??= new Side(programs, 'penalty', programs.penalty(), this.passOptions)
    return this.#penalty
  }

  linearisation(): Linearisation {
    if (this.#linearisation === undefined) {
      const { programs, adjoint } = this.model
      const { columns } = programs.graphs
      const rows = this.shape.steps * this.shape.batch
      const capacity = capacityOf(programs.runtime, adjoint, columns, rows)
      const atOnce = adjoint.method === METHOD.LU ? Math.max(capacity, columns) : capacity
      const inputs: readonly Value[] = programs.graphs.map.inputs
      const outside = (value: Value) => (inputs.includes(value) ? undefined : this.#context!.entry(value))
      this.#linearisation = new Linearisation(programs, { ...this.passOptions, outside }, atOnce)
    }
    return this.#linearisation
  }

  backward(wanted: Wanted): BackwardCall {
    const key = keyOf(wanted)
    let call = this.#backward.get(key)
    if (call === undefined) this.#backward.set(key, (call = new BackwardCall(this, wanted)))
    return call
  }

  owns(storage: Allocation): boolean {
    return (
      storage === this.memory ||
      this.padding?.memory === storage ||
      [...this.#backward.values()].some((call) => call.memory === storage)
    )
  }

  dispose(): void {
    const parts = [
      this.memory,
      this.#context,
      this.#value,
      this.#tangent,
      this.solver,
      this.readout,
      this.padding,
      this.#penalty,
      this.#linearisation,
      ...this.#backward.values(),
    ]
    for (const part of parts) part?.dispose()
  }

  #mapping(kind: 'value' | 'tangent', capacity: number): Mapping {
    const { programs } = this.model
    const program = programs[kind]()
    const { inputs } = program.graph
    const vector = kind === 'tangent' ? inputs.at(-1)! : undefined
    return new Mapping(programs, program, { capacity, point: inputs[0]!, vector, who: this.#who })
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
