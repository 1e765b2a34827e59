/** One program run once over all steps and samples. */
import type { CompiledProgram } from '../program/compile.ts'
import { KIND, LEG } from '../program/format.ts'
import type { Value } from '../program/graph.ts'
import { Itinerary } from '../program/itinerary.ts'
import { type Entry, Plan } from '../program/plan.ts'
import type { Programs } from './programs.ts'

export interface PassOptions {
  readonly steps: number
  readonly batch: number
  readonly who: string
  /** Where a value is that another pass computed; what is left out is pointed later. */
  readonly outside?: (value: Value) => Entry | undefined
}

const WHOLE = LEG.BEGINS + LEG.STARTS + LEG.ENDS + LEG.FINISHES

export class Pass {
  readonly program: CompiledProgram
  readonly plan: Plan
  readonly #programs: Programs
  readonly #itinerary: Itinerary

  constructor(programs: Programs, program: CompiledProgram, { steps, batch, who, outside }: PassOptions) {
    const { runtime, params, invariants } = programs
    this.program = program
    this.#programs = programs
    const unit = {
      program,
      invariants,
      outside: (value: Value): Entry => {
        if (value.rows !== 'batch') return ofParameters(programs, value)
        const stride = batch * value.columns * runtime.elementBytes
        return outside?.(value) ?? { base: 0, stride, kind: KIND.TIMED }
      },
      gradient: (param: string) => fixedEntry(params.get(param)!.grad.address),
      ports: [],
    }
    this.plan = new Plan(runtime, [{ reversed: false, units: [unit] }], { steps, batch, who })
    try {
      const leg = { plan: this.plan, stage: 0, from: 0, to: steps, flags: WHOLE }
      this.#itinerary = new Itinerary(runtime, [leg], who)
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

/** Where a parameter is, or what follows from parameters alone and was computed already. */
export function ofParameters({ params, invariants }: Programs, value: Value): Entry {
  const { op, name } = value.node
  return op === 'param' ? fixedEntry(params.get(name)!.value.address) : invariants.entry(value)!
}

export const fixedEntry = (base: number): Entry => ({ base, stride: 0, kind: KIND.TIMED })
