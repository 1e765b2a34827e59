/** Does a peer compute what we compute? Only then is it timed. */
import type { Workload } from '../support/shapes.ts'
import { isTraining } from './peer.ts'

/** Of outputs, which lie in (-1, 1): absolute. Rounding of float32 sums over I + H terms, carried on by T steps. */
const OUTPUT_TOLERANCE = 1e-5

/** Of losses: relative. Ten Adam steps change them by far more. */
const LOSS_TOLERANCE = 1e-3

/** A sentence on the first difference beyond the tolerance; undefined where there is none. */
export function disagreement(
  workload: Workload,
  theirs: readonly number[],
  ours: readonly number[],
): string | undefined {
  const what = isTraining(workload) ? 'loss' : 'output'
  if (theirs.length !== ours.length) return `gives ${theirs.length} values; expected ${ours.length}`
  const bound = (i: number) => (isTraining(workload) ? LOSS_TOLERANCE * Math.abs(ours[i]!) : OUTPUT_TOLERANCE)
  const place = theirs.findIndex((value, i) => !(Math.abs(value - ours[i]!) <= bound(i)))
  return place < 0 ? undefined : `${what} ${place} is ${theirs[place]}; ours ${ours[place]}; not timed`
}
