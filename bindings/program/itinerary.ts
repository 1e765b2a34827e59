/** What a call runs over which steps: legs, written once into the core's memory beside the plans that they run. */
import type { Allocation } from '../runtime/heap.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Scope } from '../runtime/scope.ts'
import { CALL, FORMAT_VERSION, LEG } from './format.ts'
import type { Plan } from './plan.ts'

/** A stage of a plan over steps [from, to): see assembly/engine/format.ts. */
export interface Leg {
  readonly plan: Plan
  readonly stage: number
  readonly from: number
  readonly to: number
  /** Sum of LEG.BEGINS, STARTS, ENDS, FINISHES, APART. */
  readonly flags: number
  readonly origin?: number
  readonly lossFrom?: number
  /** Addresses of checkpoints. */
  readonly load?: number
  readonly store?: number
}

const { BEGINS, STARTS, ENDS, FINISHES, APART } = LEG
const WHOLE = BEGINS + STARTS + ENDS + FINISHES

/** Every stage once over all steps; `apart`: sums begin and go out chunk by chunk. */
export function fullLegs(plan: Plan, stages: number, steps: number, apart = false): Leg[] {
  const flags = apart ? WHOLE - FINISHES + APART : WHOLE
  return Array.from({ length: stages }, (_, stage) => ({ plan, stage, from: 0, to: steps, flags }))
}

export class Itinerary {
  readonly #runtime: Runtime
  readonly #storage: Allocation

  constructor(scope: Scope, legs: readonly Leg[], who: string) {
    const { runtime } = scope
    this.#runtime = runtime
    this.#storage = scope.allocate((CALL.WORDS + legs.length * LEG.WORDS) * 4, who)
    const { address } = this.#storage
    const words = legs.flatMap(({ plan, stage, from, to, flags, origin = 0, lossFrom = 0, load = 0, store = 0 }) => {
      return [plan.address, stage, from, to, origin, lossFrom, flags, load, store]
    })
    runtime.heap.words.set([FORMAT_VERSION, legs.length, address + CALL.WORDS * 4, ...words], address >>> 2)
  }

  /** One call into the core. */
  run(): void {
    this.#runtime.core.run(this.#storage.address)
  }
}
