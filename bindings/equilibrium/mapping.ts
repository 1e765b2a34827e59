/** A program that solvers send rows through: planned for one step, with memory of its own for all that it reads by rows. */
import type { CompiledProgram } from '../program/compile.ts'
import { KIND } from '../program/format.ts'
import type { Value } from '../program/graph.ts'
import { Area } from '../program/layout.ts'
import { type Entry, Plan } from '../program/plan.ts'
import type { Allocation } from '../runtime/heap.ts'
import { CONTEXT, MAPPING } from './format.ts'
import type { Programs } from './programs.ts'
import { CoreRecord, bytesOfRecord } from './record.ts'
import { stagesOf } from './unit.ts'

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
  readonly #programs: Programs
  readonly #memory: Allocation
  readonly #plan: Plan
  readonly #record: CoreRecord<typeof MAPPING>
  readonly #contexts = new Map<Value, CoreRecord<typeof CONTEXT>>()

  constructor(programs: Programs, program: CompiledProgram, options: MappingOptions) {
    const { runtime } = programs
    const { capacity, point, vector, who } = options
    this.program = program
    this.#programs = programs
    const area = new Area()
    const record = area.take(bytesOfRecord(MAPPING))
    const rows = area.take(capacity * 4)
    const inside = program.slots.flatMap((slot) =>
      slot.kind === 'outside' && slot.value.rows === 'batch' ? [slot.value] : [],
    )
    const bytesOf = ({ columns }: Value) => columns * runtime.elementBytes
    const rooms = new Map(
      [...new Set([...inside, ...(point ? [point] : []), ...(vector ? [vector] : [])])].map((value) => [
        value,
        area.take(capacity * bytesOf(value)),
      ]),
    )
    const contexts = inside.filter((value) => value !== point && value !== vector)
    const table = area.take(contexts.length * bytesOfRecord(CONTEXT))
    this.#memory = runtime.heap.allocateZeros(area.bytes, who)
    const { address } = this.#memory
    const room = (value: Value | undefined) => (value ? address + rooms.get(value)! : 0)
    const outside = (value: Value): Entry => ({
      base: room(value),
      stride: capacity * bytesOf(value),
      kind: KIND.TIMED,
    })
    try {
      this.#plan = new Plan(runtime, stagesOf(programs, program, outside), { steps: 1, batch: capacity, who })
    } catch (error) {
      this.#memory.dispose()
      throw error
    }
    for (const [i, value] of contexts.entries()) {
      const context = new CoreRecord(runtime, address + table + i * bytesOfRecord(CONTEXT), CONTEXT)
      context.set({ source: 0, target: room(value), bytes: bytesOf(value) })
      this.#contexts.set(value, context)
    }
    this.#record = new CoreRecord(runtime, address + record, MAPPING)
    this.#record.set({
      unit: this.#plan.unitAddress(0),
      refresh: 0,
      point: room(point),
      vector: room(vector),
      result: this.result(0),
      contexts: contexts.length,
      table: address + table,
      rows: address + rows,
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
    this.#record.setWord('refresh', Number(this.#programs.isStale(this.program)))
  }

  dispose(): void {
    this.#plan.dispose()
    this.#memory.dispose()
  }
}
