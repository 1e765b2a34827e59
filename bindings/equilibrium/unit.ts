/** A program as a plan's unit, and where it finds what does not change from row to row. */
import type { Parameter } from '../module/parameters.ts'
import type { Staleness } from '../module/staleness.ts'
import type { CompiledProgram } from '../program/compile.ts'
import { type Entry, fixedEntry } from '../program/entry.ts'
import type { Value } from '../program/graph.ts'
import type { Invariants } from '../program/invariants.ts'
import { PARAM } from '../program/ops/leaves.ts'
import type { PlanUnit, Stage } from '../program/stage.ts'

/** What all programs of a model stand on, whatever the call. */
export interface Ground {
  /** By the cell's names. */
  readonly params: ReadonlyMap<string, Parameter>
  readonly invariants: Invariants
  readonly staleness: Staleness
}

/** @param outside where a value with rows of its own is */
export function unitStage(ground: Ground, program: CompiledProgram, outside: (value: Value) => Entry): Stage[] {
  const unit: PlanUnit = {
    program,
    invariants: ground.invariants,
    outside: (value) => (value.rows === 'batch' ? outside(value) : ofParameters(ground, value)),
    gradient: (param) => fixedEntry(ground.params.get(param)!.grad.address),
    ports: [],
  }
  return [{ reversed: false, units: [unit] }]
}

/** A parameter, or what follows from parameters alone and was computed already. */
function ofParameters({ params, invariants }: Ground, value: Value): Entry {
  const { op, name } = value.node
  return op === PARAM ? fixedEntry(params.get(name)!.value.address) : invariants.entry(value)!
}
