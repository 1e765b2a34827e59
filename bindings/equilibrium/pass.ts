/** One program run once over all steps and samples. */
import type { CompiledProgram } from '../program/compile.ts'
import { KIND } from '../program/format.ts'
import type { Value } from '../program/graph.ts'
import { Itinerary, fullLegs } from '../program/itinerary.ts'
import { type Entry, Plan } from '../program/plan.ts'
import type { Programs } from './programs.ts'
import { stagesOf } from './unit.ts'

export interface PassOptions {
  readonly steps: number
  readonly batch: number
  readonly who: string
  /** Where a value is that another pass computed; what is left out is pointed later. */
  readonly outside?: (value: Value) => Entry | undefined
}

export class Pass {
  readonly program: CompiledProgram
  readonly plan: Plan
  readonly #programs: Programs
  readonly #itinerary: Itinerary

  constructor(programs: Programs, program: CompiledProgram, { steps, batch, who, outside }: PassOptions) {
    const { elementBytes } = programs.runtime
    const unpointed = (value: Value): Entry => ({
      base: 0,
      stride: batch * value.columns * elementBytes,
      kind: KIND.TIMED,
    })
    const stages = stagesOf(programs, program, (value) => outside?.(value) ?? unpointed(value))
    this.program = program
    this.#programs = programs
    this.plan = new Plan(programs.runtime, stages, { steps, batch, who })
    try {
      this.#itinerary = new Itinerary(programs.runtime, fullLegs(this.plan, 1, steps), who)
    } catch (error) {
      this.plan.dispose()
      throw error
    }
  }

  point(value: Value, address: number): void {
    this.plan.point(0, value, address)
  }

  entry(value: Value): Entry {
    return this.plan.entry(0, value)
  }

  run(): void {
    this.plan.prepare(this.#programs.isStale(this.program))
    this.#itinerary.run()
  }

  dispose(): void {
    this.plan.dispose()
    this.#itinerary.dispose()
  }
}
