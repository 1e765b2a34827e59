/** What a plan is made from: programs of layers, and where they find what they do not compute themselves. */
import type { CompiledProgram } from './compile.ts'
import type { Entry } from './entry.ts'
import type { Value } from './graph.ts'
import type { Invariants } from './invariants.ts'

/** Rows that come from an array outside or go to one: see assembly/engine/records.ts. */
export interface Port {
  readonly value: Value
  readonly mode: number
  /** 0 where each call points it anew. */
  readonly address: number
  readonly stepStride: number
  readonly rowStride: number
  /** Bytes that become 0 when the stage begins. */
  readonly clear?: number
}

/** One layer in one direction. */
export interface PlanUnit {
  readonly program: CompiledProgram
  readonly invariants: Invariants
  /** Entry of a value that the program does not compute: a parameter, an input (`below`: the outputs of the unit before), or a value on the tape. */
  outside(value: Value, below: readonly Entry[]): Entry
  /** Where a parameter's gradient is. */
  gradient(param: string): Entry
  readonly ports: readonly Port[]
}

/** Units that run chunk by chunk in one direction of time. */
export interface Stage {
  /** From the last step to the first. */
  readonly reversed: boolean
  readonly units: readonly PlanUnit[]
}

export interface PlanOptions {
  readonly steps: number
  readonly batch: number
  /** Steps that the tape holds at a time; all if left out. */
  readonly tapeSteps?: number
  /** Steps of a time chunk, if not the usual number; sums over time then go out chunk by chunk. */
  readonly chunk?: number
  /** Pieces of chunks that are run, if they are not those that the steps have. */
  readonly pieces?: number
  /** Address of the samples' lengths; 0 if left out. */
  readonly lengths?: number
  /** For messages about memory. */
  readonly who: string
}
