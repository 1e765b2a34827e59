/** A program that solvers send rows through: planned for one step, with memory of its own for all that it reads by rows. */
import type { CompiledProgram } from '../program/compile.ts'
import type { Entry } from '../program/entry.ts'
import { KIND } from '../program/format.ts'
import type { Value } from '../program/graph.ts'
import { Plan } from '../program/plan.ts'
import { CoreRecord } from '../runtime/record.ts'
import type { Scope } from '../runtime/scope.ts'
import { CONTEXT, MAPPING } from './records.ts'
import { type Ground, unitStage } from './unit.ts'

export interface MappingOptions {
  /** Rows at a time. */
  readonly capacity: number
  /** The leaf that is the point; undefined where the program reads none. */
  readonly point: Value | undefined
  /** The leaf that is a direction or a cotangent; the point's again where it is both. */
  readonly vector: Value | undefined
  readonly who: string
}

export class Mapping {
  readonly program: CompiledProgram
  readonly #ground: Ground
  readonly #plan: Plan
  readonly #record: CoreRecord<typeof MAPPING>
  readonly #contexts: ReadonlyMap<Value, CoreRecord<typeof CONTEXT>>

  constructor(scope: Scope, ground: Ground, program: CompiledProgram, options: MappingOptions) {
    const { capacity, point, vector, who } = options
    const bytesOf = ({ columns }: Value) => columns * scope.runtime.elementBytes
    const inside = program.slots.flatMap((slot) =>
      slot.kind === 'outside' && slot.value.rows === 'batch' ? [slot.value] : [],
    )
    const values = [...new Set([...inside, ...(point ? [point] : []), ...(vector ? [vector] : [])])]
    const contexts = inside.filter((value) => value !== point && value !== vector)
    const { at } = scope.rooms(who, {
      record: MAPPING.bytes,
      rows: capacity * 4,
      values: values.map((value) => capacity * bytesOf(value)),
      table: contexts.length * CONTEXT.bytes,
    })
    const room = (value: Value | undefined) => (value ? at.values[values.indexOf(value)]! : 0)
    const outside = (value: Value): Entry => {
      return { base: room(value), stride: capacity * bytesOf(value), kind: KIND.TIMED }
    }
    this.program = program
    this.#ground = ground
    this.#plan = new Plan(scope, unitStage(ground, program, outside), {
      steps: 1,
      batch: capacity,
      pieces: Infinity,
      who,
    })
    this.#contexts = new Map(
      contexts.map((value, i) => {
        const context = new CoreRecord(scope.runtime, at.table + i * CONTEXT.bytes, CONTEXT)
        context.set({ source: 0, target: room(value), bytes: bytesOf(value) })
        return [value, context]
      }),
    )
    this.#record = new CoreRecord(scope.runtime, at.record, MAPPING)
    this.#record.set({
      unit: this.#plan.unitAddress(0),
      refresh: 0,
      point: room(point),
      vector: room(vector),
      result: this.result(0),
      contexts: contexts.length,
      table: at.table,
      rows: at.rows,
      placed: 0,
    })
  }

  get address(): number {
    return this.#record.address
  }

  /** Values beside point and vector that it reads by rows. */
  get contexts(): Iterable<Value> {
    return this.#contexts.keys()
  }

  /** Where output `index` of the rows at work is. */
  result(index: number): number {
    return this.#plan.entry(0, this.program.graph.outputs[index]!).base
  }

  /** Where all rows of a context are. */
  setSource(context: Value, address: number): void {
    this.#contexts.get(context)?.setWord('source', address)
  }

  /** Sees to what follows from parameters alone before the next solve. */
  prepare(): void {
    this.#record.setWord('refresh', Number(this.#ground.staleness.refresh(this.program)))
  }
}
