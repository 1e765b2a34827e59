/** What a module of this folder offers: its case of a workload (support/case.ts). */
import type { Case } from '../support/case.ts'
import type { Workload } from '../support/shapes.ts'

/** Where a peer cannot express our net: ours is then checked, never timed, in the peer's form. */
export interface Form {
  /** One bias per gate: `bias_hh` is zero and not trained (with Adam two biases move twice as far as one). */
  readonly oneBias?: boolean
  /** The GRU's reset gate stands before the recurrent product. */
  readonly resetBefore?: boolean
}

/**
 * A module of this folder exports this as `prepare`. Its case works on the data of data.ts; it is checked by the outputs, or the losses of the
 * first CHECKED_STEPS training steps; a call is one forward pass, one streaming step or one training step.
 */
export type Prepare = (key: Key, workload: Workload, form: Form) => Case | Promise<Case>

export type Key = 'L1' | 'L2' | 'L3' | 'L4' | 'L5' | 'L6'

/** Steps whose losses, or of L2 outputs, are compared. */
export const CHECKED_STEPS = 10

export const isTraining = (workload: Workload): boolean => workload.head !== undefined
