/** The states of an unrolled module as its callers see them: names, shapes, and which part of them is whose. */
import type { NamedStates, State } from '../module/state.ts'
import type { CompiledProgram } from '../program/compile.ts'
import { type Plan, widestCarry } from '../program/plan.ts'
import { tangentName } from '../program/tangent.ts'
import { greatest } from '../runtime/greatest.ts'
import { expectOptions, expectShape, expectTensor, fail } from '../runtime/check.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Shape, Tensor } from '../runtime/tensor.ts'
import type { Layer } from './layer.ts'

/** A state, with the name of the field that holds what came before it where the cell reads further than one step back. */
interface Field {
  readonly name: string
  readonly columns: number
  readonly past: string | undefined
  /** Entries of the past. */
  readonly entries: number
}

export class States {
  /** Names of all fields, pasts last. */
  readonly names: readonly string[]
  /** Names of the fields that hold pasts: [entries, layers · directions, B, n], entry j - 1 being the state j steps before the last. */
  readonly pasts: readonly string[]
  readonly #runtime: Runtime
  readonly #parts: number
  readonly #layered: boolean
  readonly #fields: readonly Field[]
  /** Fields of the states that hold directions in a tangent program. */
  readonly #twins: readonly Field[]

  /** @param layered states are [layers · directions, B, n] rather than [B, n] */
  constructor(runtime: Runtime, layers: readonly Layer[], layered: boolean) {
    this.#runtime = runtime
    this.#parts = layers.length
    this.#layered = layered
    const { states } = layers[0]!.graph
    const lagOf = (name: string) => greatest(states.find((state) => state.name === name)!.reads.keys())
    const delayed = states.filter(({ name }) => lagOf(name) > 1)
    this.#fields = states.map(({ name, columns }) => {
      const entries = lagOf(name) - 1
      const past = entries === 0 ? undefined : delayed.length === 1 ? 'past' : `past_${name}`
      return { name, columns, past, entries }
    })
    this.#twins = this.#fields.map(({ name, past, ...field }) => {
      return { ...field, name: tangentName(name), past: past === undefined ? undefined : tangentName(past) }
    })
    this.pasts = this.#fields.flatMap(({ past }) => past ?? [])
    this.names = [...this.#fields.map(({ name }) => name), ...this.pasts]
  }

  /**
   * The fields of a state, all of them but pasts; refuses what does not fit.
   *
   * @param batch any, where it is not known yet
   */
  expect(who: string, what: string, state: State | undefined, batch: number | undefined): NamedStates | undefined {
    if (state === undefined) return undefined
    if (this.names.length === 0) fail('option', `${who}: ${what} is given; this module has none`)
    expectOptions(`${who}: ${what}`, state, this.names)
    const tensors = state as Record<string, Tensor>
    for (const name of this.names) {
      if (tensors[name] === undefined && this.pasts.includes(name)) continue
      const tensor = expectTensor(who, `${what}.${name}`, tensors[name], this.#runtime)
      const sizes = this.shape(name, batch ?? Number.NaN).map((size) => (Number.isNaN(size) ? 'B' : size))
      expectShape(who, `${what}.${name}`, tensor.shape, sizes)
    }
    return tensors
  }

  /** Names of the pasts that a state holds. */
  pastsIn(state: NamedStates | undefined): string[] {
    return this.pasts.filter((name) => state?.[name] !== undefined)
  }

  /** Gradients by the first states: one by a past only where forward was given it. */
  withPasts(gradients: NamedStates, given: readonly string[]): NamedStates {
    if (this.pasts.length === given.length) return gradients
    const names = this.names.filter((name) => !this.pasts.includes(name) || given.includes(name))
    return Object.fromEntries(names.map((name) => [name, gradients[name]!]))
  }

  /** Names of all fields of the states that a program carries, pasts last: a tangent program's hold directions beside the states. */
  namesIn({ states }: CompiledProgram): string[] {
    const fields = states.map(({ name }) => this.#fieldOf(name))
    return [...fields.map(({ name }) => name), ...fields.flatMap(({ past }) => past ?? [])]
  }

  /** The state whose field or past a name is. */
  stateOf(name: string): string {
    return this.#fieldOf(name).name
  }

  shape(name: string, batch: number): Shape {
    const field = this.#fieldOf(name)
    const shape = this.#layered ? [this.#parts, batch, field.columns] : [batch, field.columns]
    return field.past === name ? [field.entries, ...shape] : shape
  }

  /**
   * Points a forward unit at the layer's part of the first and last states. Without a past the first state stands for it; so does a
   * direction, whose past is given where the state's is.
   */
  point(
    plan: Plan,
    unit: number,
    program: CompiledProgram,
    layer: number,
    initial?: NamedStates,
    final?: NamedStates,
  ): void {
    for (const [i, { name }] of program.states.entries()) {
      const field = this.#fieldOf(name)
      plan.setState(unit, i, {
        initial: this.#part(initial?.[name], layer, plan.batch, field),
        final: this.#part(final?.[name], layer, plan.batch, field),
        ...this.#past(field, layer, plan.batch, initial, final),
      })
    }
  }

  /** … and a backward unit at its part of their gradients: incoming ones enter by the widest carry, all carries go out. */
  pointCarries(
    plan: Plan,
    unit: number,
    program: CompiledProgram,
    layer: number,
    incoming?: NamedStates,
    outgoing?: NamedStates,
  ): void {
    for (const [i, carry] of program.states.entries()) {
      const field = this.#fields.find(({ name }) => name === carry.carries)!
      const entering = carry === widestCarry(program, field.name) ? incoming : undefined
      plan.setState(unit, i, {
        initial: this.#part(entering?.[field.name], layer, plan.batch, field),
        final: this.#part(outgoing?.[field.name], layer, plan.batch, field),
        ...this.#past(field, layer, plan.batch, entering, outgoing),
      })
    }
  }

  /** The field that a name or a past is of. */
  #fieldOf(name: string): Field {
    const isOf = (field: Field) => field.name === name || field.past === name
    return (this.#fields.find(isOf) ?? this.#twins.find(isOf))!
  }

  #past({ past, ...field }: Field, layer: number, batch: number, initial?: NamedStates, final?: NamedStates): object {
    if (past === undefined) return {}
    return {
      pastInitial: this.#part(initial?.[past], layer, batch, field),
      pastFinal: this.#part(final?.[past], layer, batch, field),
      pastStride: this.#parts * batch * field.columns * this.#runtime.elementBytes,
    }
  }

  /** Address of a layer's part of a state; 0 where there is none. */
  #part(tensor: Tensor | undefined, layer: number, batch: number, { columns }: { columns: number }): number {
    return tensor === undefined ? 0 : tensor.address + layer * batch * columns * this.#runtime.elementBytes
  }
}
