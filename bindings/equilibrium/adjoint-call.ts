/** A planned backward of a forward: the adjoint solve, and the gradients that follow from it. */
import { Copies } from '../module/copies.ts'
import type { NamedStates } from '../module/state.ts'
import { CoreRecord } from '../runtime/record.ts'
import type { Scope } from '../runtime/scope.ts'
import { Tensor } from '../runtime/tensor.ts'
import type { EquilibriumCall } from './call.ts'
import { judge } from './failure.ts'
import type { SolveReport } from './info.ts'
import { Mapping } from './mapping.ts'
import { Pass } from './pass.ts'
import { type Wanted, wantedKey } from './programs.ts'
import { TARGET, UNROLLING } from './records.ts'
import { Solver, capacityOf } from './solver.ts'

/** Gradients by what forward gave, and what forward read. */
export interface Arriving {
  readonly output: Tensor | undefined
  readonly state: NamedStates | undefined
  readonly inputs: readonly Tensor[]
  /** ε of the penalty on the Jacobian; undefined where forward had none. */
  readonly noise: readonly Tensor[] | undefined
}

export interface Leaving {
  /** By the inputs, in their order; none where they are not wanted. */
  readonly inputs: readonly Tensor[]
  readonly state: NamedStates
  readonly info: SolveReport | undefined
}

/** What going back through recorded iterations needs. */
interface UnrolledIterations {
  readonly mapping: Mapping
  readonly record: CoreRecord<typeof UNROLLING>
  /** Address of the gradient by the start. */
  readonly carry: number
}

/** The planned backward of a call, made once for each kind of what is wanted. */
export const adjointCallOf = (call: EquilibriumCall, wanted: Wanted): AdjointCall =>
  call.memory.once(`adjoint ${wantedKey(wanted)}`, (scope) => new AdjointCall(scope, call, wanted))

class AdjointCall {
  /** Copies of results of this very backward that are handed back in. */
  readonly copies: Copies
  readonly #forward: EquilibriumCall
  readonly #wanted: Wanted
  /** Addresses: the gradient by z, the solved adjoint, weights of the penalty's rows. */
  readonly #gradient: number
  readonly #adjoint: number
  readonly #weights: number
  /** … gradients by the last states, side by side. */
  readonly #ends: number
  readonly #inputs: readonly Tensor[]
  readonly #state: NamedStates
  readonly #implicit: { solver: Solver; gradient: Pass } | undefined
  readonly #unrolled: UnrolledIterations | undefined

  constructor(scope: Scope, forward: EquilibriumCall, wanted: Wanted) {
    const { model, shape } = forward
    const { runtime, graphs } = model.programs
    const { columns, map, parts } = graphs
    const who = `${model.who}: the workspace of backward for T = ${shape.steps}, B = ${shape.batch}`
    const rows = (width: number, count = forward.rows.all) => count * width * runtime.elementBytes
    const leaves = wanted.inputGradient ? map.inputs.slice(1) : []
    const { memory, at } = scope.rooms(who, {
      gradient: rows(columns),
      adjoint: rows(columns),
      weights: rows(1),
      ends: rows(columns, shape.batch),
      inputs: leaves.map((leaf) => rows(leaf.columns)),
      states: parts.map((part) => rows(part.columns, shape.batch)),
    })
    const tensor = (address: number, sizes: readonly number[]) => new Tensor(runtime, memory, address, sizes, 'float')
    this.copies = new Copies(scope)
    this.#forward = forward
    this.#wanted = wanted
    this.#gradient = at.gradient
    this.#adjoint = at.adjoint
    this.#weights = at.weights
    this.#ends = at.ends
    this.#inputs = leaves.map((leaf, i) => tensor(at.inputs[i]!, [...shape.leading, leaf.columns]))
    this.#state = Object.fromEntries(
      parts.map((part, i) => [part.name, tensor(at.states[i]!, [shape.batch, part.columns])]),
    )
    if (model.adjoint.name === 'unrolled') this.#unrolled = this.#planUnrolled(scope, who)
    else this.#implicit = this.#planImplicit(scope, who)
  }

  run(given: Arriving): Leaving {
    const { padding } = this.#forward
    // no sample has a step of its own: nothing depends on input or parameters
    const isEmpty = padding?.count === 0
    const entering = isEmpty ? undefined : given.output
    const output = entering && (padding?.takeGradient(entering) ?? entering)
    const arriving = { ...given, output, noise: isEmpty ? undefined : given.noise }
    this.#forward.model.programs.refresh(this.#forward.model.who)
    if (arriving.noise) this.#weigh()
    if (padding && this.#implicit) this.#clearState()
    const gradient = this.#gather(arriving)
    const info = this.#implicit ? this.#solve(arriving, gradient) : this.#runUnrolled(arriving, gradient)
    if (isEmpty) this.#clearInputs()
    else if (this.#implicit) this.#addImplicit(arriving)
    if (!isEmpty) this.#addSides(arriving)
    return { inputs: this.#inputs, state: this.#state, info }
  }

  #planImplicit(scope: Scope, who: string): { solver: Solver; gradient: Pass } {
    const { model, shape, passOptions, rows } = this.#forward
    const { programs, adjoint } = model
    const linearisation = this.#forward.linearisation()
    const { mapping } = linearisation
    const { columns } = programs.graphs
    const capacity = capacityOf(programs.runtime, adjoint, columns, rows.all)
    const sizes = { steps: 1, rows: rows.all, columns, capacity, info: shape.leading }
    const solver = new Solver(scope, adjoint, sizes, { value: mapping, product: mapping, who })
    const program = programs.gradient(this.#wanted)
    const { inputs } = programs.graphs.map
    const outside = (value: (typeof inputs)[number]) =>
      value === program.graph.inputs[0] || inputs.includes(value) ? undefined : linearisation.entry(value)
    return { solver, gradient: new Pass(scope, programs.ground, program, { ...passOptions, outside }) }
  }

  #planUnrolled(scope: Scope, who: string): UnrolledIterations {
    const { model, shape, solver, iterates } = this.#forward
    const { programs, solver: settings } = model
    const { runtime, graphs, ground } = programs
    const { steps, batch } = shape
    const { columns } = graphs
    const program = programs.unroll(this.#wanted)
    const capacity = capacityOf(runtime, settings, columns, batch)
    const [point, vector] = [graphs.map.inputs[0]!, program.graph.inputs[0]!]
    const mapping = new Mapping(scope, ground, program, { capacity, point, vector, who })
    const { at } = scope.rooms(who, {
      record: UNROLLING.bytes,
      table: this.#inputs.length * TARGET.bytes,
      carry: batch * columns * runtime.elementBytes,
    })
    for (const [i, input] of this.#inputs.entries()) {
      const target = new CoreRecord(runtime, at.table + i * TARGET.bytes, TARGET)
      const bytes = input.shape.at(-1)! * runtime.elementBytes
      target.set({ source: mapping.result(i + 1), target: input.address, bytes })
    }
    const record = new CoreRecord(runtime, at.record, UNROLLING)
    record.set({
      steps,
      rows: batch,
      capacity,
      columns,
      maxIterations: settings.maxIterations,
      mapping: mapping.address,
      iterates,
      counts: solver.best,
      carry: at.carry,
      outputs: this.#inputs.length,
      table: at.table,
      damping: settings.damping,
    })
    return { mapping, record, carry: at.carry }
  }

  /** The gradient by z from all that was computed of it; gives its address. */
  #gather({ output, state, inputs, noise }: Arriving): number {
    const { model, shape, readout } = this.#forward
    const { runtime, graphs } = model.programs
    const { core, elementBytes } = runtime
    const size = shape.steps * shape.batch * graphs.columns
    const parts: number[] = []
    if (output) parts.push(readout ? readout.runByPoint(this.#leaves(inputs), output.address) : output.address)
    if (parts.length === 1 && !state && !noise) return parts[0]!
    core.zeroBytes(this.#gradient, size * elementBytes)
    for (const part of parts) core.addInto(size, part, this.#gradient)
    if (state) this.#addState(state)
    for (const epsilon of noise ?? []) {
      const leaves = [...this.#leaves(inputs), epsilon.address]
      core.addInto(size, this.#forward.penalty().runByPoint(leaves, this.#weights), this.#gradient)
    }
    return this.#gradient
  }

  #leaves(inputs: readonly Tensor[]): number[] {
    return this.#forward.leaves(inputs)
  }

  /** Gradients by the last states: of each sample's last step. UnrolledIterations, those by states that are held pass on by themselves. */
  #addState(state: NamedStates): void {
    const { model, shape, padding } = this.#forward
    const { runtime, graphs } = model.programs
    const { core, elementBytes } = runtime
    const { steps, batch } = shape
    const row = graphs.columns * elementBytes
    for (const { name, columns, offset } of graphs.parts) {
      const bytes = columns * elementBytes
      core.copyRows(batch, bytes, state[name]!.address, bytes, this.#ends + offset * elementBytes, row)
    }
    if (padding && this.#implicit) {
      padding.placeAtEnds(this.#ends, graphs.columns, this.#adjoint)
      core.addInto(steps * batch * graphs.columns, this.#adjoint, this.#gradient)
      this.#passEmpty(padding.empty)
    } else {
      core.addInto(batch * graphs.columns, this.#ends, this.#gradient + (steps - 1) * batch * row)
    }
  }

  /** Of a sample without steps the last state is the first one. */
  #passEmpty(empty: readonly number[]): void {
    const { runtime, graphs } = this.#forward.model.programs
    const { core, elementBytes } = runtime
    for (const { name, columns, offset } of graphs.parts) {
      const bytes = columns * elementBytes
      for (const sample of empty) {
        const from = this.#ends + (sample * graphs.columns + offset) * elementBytes
        core.copyBytes(this.#state[name]!.address + sample * bytes, from, bytes)
      }
    }
  }

  #clearInputs(): void {
    const { core, elementBytes } = this.#forward.model.programs.runtime
    for (const { address, size } of this.#inputs) core.zeroBytes(address, size * elementBytes)
  }

  #clearState(): void {
    const { core, elementBytes } = this.#forward.model.programs.runtime
    for (const { address, size } of Object.values(this.#state)) core.zeroBytes(address, size * elementBytes)
  }

  /** What each row's ‖Jᵀε‖² / n weighs in the loss: the mean is over rows that are a sample's own. */
  #weigh(): void {
    const { model, shape, padding } = this.#forward
    const { core, elementBytes } = model.programs.runtime
    const { weight, samples } = model.penalty
    const rows = shape.steps * shape.batch
    if (padding) core.copyBytes(this.#weights, padding.mask, rows * elementBytes)
    else model.programs.runtime.arrayAt(this.#weights, rows).fill(1)
    core.scaleBlock(rows, weight / (Math.max(1, padding?.count ?? rows) * samples), this.#weights)
  }

  #solve({ inputs }: Arriving, constant: number): SolveReport {
    const { solver } = this.#implicit!
    this.#forward.linearise(inputs)
    const info = solver.run({ start: 0, lengths: 0, constant, result: this.#adjoint, iterates: 0 })
    judge(`${this.#forward.model.who}.backward`, info, solver.settings)
    return info
  }

  /** Gradients by inputs and parameters from the solved adjoint. */
  #addImplicit({ inputs }: Arriving): void {
    const { gradient } = this.#implicit!
    const { runtime, graphs } = this.#forward.model.programs
    const leaves = this.#leaves(inputs)
    for (const [i, leaf] of graphs.map.inputs.entries()) gradient.point(leaf, leaves[i]!)
    gradient.point(gradient.program.graph.inputs[0]!, this.#adjoint)
    gradient.run()
    for (const [i, input] of this.#inputs.entries()) {
      const source = gradient.entry(gradient.program.graph.outputs[i]!).base
      runtime.core.copyBytes(input.address, source, input.size * runtime.elementBytes)
    }
  }

  #runUnrolled({ inputs }: Arriving, gradient: number): undefined {
    const { mapping, record, carry } = this.#unrolled!
    const { model, shape } = this.#forward
    const { runtime, graphs } = model.programs
    const { core, elementBytes } = runtime
    for (const value of mapping.contexts) {
      const leaf = graphs.map.inputs.indexOf(value)
      mapping.setSource(value, inputs[leaf - 1]!.address)
    }
    this.#clearInputs()
    mapping.prepare()
    record.setWord('gradient', gradient)
    core.unrollFixedPoints(record.address)
    const row = graphs.columns * elementBytes
    for (const { name, columns, offset } of graphs.parts) {
      const bytes = columns * elementBytes
      core.copyRows(shape.batch, bytes, carry + offset * elementBytes, row, this.#state[name]!.address, bytes)
    }
  }

  /** Gradients by inputs and parameters of what was computed from the fixed points. */
  #addSides({ output, inputs, noise }: Arriving): void {
    const { readout } = this.#forward
    if (readout && output) this.#add(readout.runByRest(this.#leaves(inputs), output.address, this.#wanted))
    for (const epsilon of noise ?? []) {
      const leaves = [...this.#leaves(inputs), epsilon.address]
      this.#add(this.#forward.penalty().runByRest(leaves, this.#weights, this.#wanted))
    }
  }

  #add(gradients: readonly number[]): void {
    const { core } = this.#forward.model.programs.runtime
    for (const [i, input] of this.#inputs.entries()) core.addInto(input.size, gradients[i]!, input.address)
  }
}
