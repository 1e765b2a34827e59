/** Does a peer compute what we compute? Only then is it timed. */
import type { Workload } from '../support/shapes.ts'
import { expectClose } from '../support/verify.ts'
import { isTraining } from './peer.ts'

/** Of outputs, which lie in (-1, 1): absolute. Rounding of float32 sums over I + H terms, carried on by T steps. */
const OUTPUT_TOLERANCE = 1e-5

/** Of losses: relative. Ten Adam steps change them by far more. */
const LOSS_TOLERANCE = 1e-3

/** Throws on the first difference beyond the tolerance. */
export function expectAgreement(workload: Workload, theirs: readonly number[], ours: readonly number[]): void {
  if (!isTraining(workload)) return expectClose('outputs', theirs, ours, OUTPUT_TOLERANCE)
  const tolerances = ours.map((loss) => LOSS_TOLERANCE * Math.abs(loss))
  expectClose('losses', theirs, ours, tolerances)
}
