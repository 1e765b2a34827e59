/** What a process that is timed offers; the process answers in the words of protocol.ts. */
import type { Workload } from '../support/shapes.ts'

/** Where a peer cannot express our net: ours is then checked, never timed, in the peer's form. */
export interface Form {
  /** One bias per gate: `bias_hh` is zero and not trained (with Adam two biases move twice as far as one). */
  readonly oneBias?: boolean
  /** The GRU's reset gate stands before the recurrent product. */
  readonly resetBefore?: boolean
}

/** A workload, made ready on the data of data.ts. */
export interface Case {
  /** The outputs, or the losses of the first CHECKED_STEPS training steps; absent where a peer trains another net. */
  check?(): number[] | Promise<number[]>
  /** What is timed: one forward pass, one streaming step or one training step. A promise is waited for. */
  call(): unknown
  /** By what a call's time is multiplied, for a peer that does a part of the work. */
  readonly times?: number
}

/** A module of bench/peers/ exports this as `prepare`. */
export type Prepare = (key: Key, workload: Workload, form: Form) => Case | Promise<Case>

export type Key = 'L1' | 'L2' | 'L3' | 'L4' | 'L5' | 'L6'

/** Steps whose losses, or of L2 outputs, are compared. */
export const CHECKED_STEPS = 10

export const isTraining = (workload: Workload): boolean => workload.head !== undefined

/** Thrown where a peer cannot run here at all: a row says why, and the run goes on. */
export class Unavailable extends Error {}
