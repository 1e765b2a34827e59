/** What a call runs over which steps: legs, written once into the core's memory beside the plans that they run. */
import type { Allocation } from '../runtime/heap.ts'
import { wordsOf } from '../runtime/record.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Scope } from '../runtime/scope.ts'
import { FORMAT_VERSION, LEG } from './format.ts'
import type { Plan } from './plan.ts'
import * as records from './records.ts'

/** A stage of a plan over steps [from, to): see assembly/engine/records.ts. */
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
    this.#storage = scope.allocate(records.CALL.bytes + legs.length * records.LEG.bytes, who)
    const { address } = this.#storage
    const legTable = address + records.CALL.bytes
    const call = wordsOf(records.CALL, { version: FORMAT_VERSION, legs: legs.length, legTable })
    const table = legs.flatMap(({ plan, ...leg }) => wordsOf(records.LEG, { run: plan.address, ...leg }))
    runtime.heap.words.set([...call, ...table], address >>> 2)
  }

  /** One call into the core. */
  run(): void {
    this.#runtime.core.run(this.#storage.address)
  }
}
