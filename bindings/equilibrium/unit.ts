/** A program as a plan's unit, and where it finds what does not change from row to row. */
import type { CompiledProgram } from '../program/compile.ts'
import { KIND } from '../program/format.ts'
import type { Value } from '../program/graph.ts'
import { PARAM } from '../program/ops/leaves.ts'
import type { Entry, PlanUnit, Stage } from '../program/plan.ts'
import type { Programs } from './programs.ts'

/** @param outside where a value with rows of its own is */
export function stagesOf(programs: Programs, program: CompiledProgram, outside: (value: Value) => Entry): Stage[] {
  const unit: PlanUnit = {
    program,
    invariants: programs.invariants,
    outside: (value) => (value.rows === 'batch' ? outside(value) : ofParameters(programs, value)),
    gradient: (param) => fixedEntry(programs.params.get(param)!.grad.address),
    ports: [],
  }
  return [{ reversed: false, units: [unit] }]
}

/** A parameter, or what follows from parameters alone and was computed already. */
function ofParameters({ params, invariants }: Programs, value: Value): Entry {
  const { op, name } = value.node
  return op === PARAM ? fixedEntry(params.get(name)!.value.address) : invariants.entry(value)!
}

const fixedEntry = (base: number): Entry => ({ base, stride: 0, kind: KIND.TIMED })
