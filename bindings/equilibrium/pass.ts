/** One program run once over all steps and samples. */
import type { CompiledProgram } from '../program/compile.ts'
import type { Entry } from '../program/entry.ts'
import { KIND } from '../program/format.ts'
import type { Value } from '../program/graph.ts'
import { Itinerary, fullLegs } from '../program/itinerary.ts'
import { Plan } from '../program/plan.ts'
import type { Scope } from '../runtime/scope.ts'
import { type Ground, unitStage } from './unit.ts'

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
  readonly #ground: Ground
  readonly #itinerary: Itinerary

  constructor(scope: Scope, ground: Ground, program: CompiledProgram, options: PassOptions) {
    const { steps, batch, who, outside } = options
    const { elementBytes } = scope.runtime
    const unpointed = (value: Value): Entry => ({
      base: 0,
      stride: batch * value.columns * elementBytes,
      kind: KIND.TIMED,
    })
    const stages = unitStage(ground, program, (value) => outside?.(value) ?? unpointed(value))
    this.program = program
    this.#ground = ground
    this.plan = new Plan(scope, stages, { steps, batch, who })
    this.#itinerary = new Itinerary(scope, fullLegs(this.plan, 1, steps), who)
  }

  point(value: Value, address: number): void {
    this.plan.point(0, value, address)
  }

  /** Points the inputs, in their order. */
  pointAll(addresses: readonly number[]): void {
    for (const [i, leaf] of this.program.graph.inputs.entries()) this.point(leaf, addresses[i]!)
  }

  entry(value: Value): Entry {
    return this.plan.entry(0, value)
  }

  run(): void {
    this.plan.prepare(this.#ground.staleness.refresh(this.program))
    this.#itinerary.run()
  }
}
