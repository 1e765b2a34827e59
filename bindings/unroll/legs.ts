/** Strategies of unrolling, as lists of legs: full, truncated, checkpointed. */
import type { Truncation } from '../module/truncation.ts'
import { LEG } from '../program/format.ts'
import type { Leg } from '../program/itinerary.ts'
import type { Plan } from '../program/plan.ts'

/** Steps [from, to) between two checkpoints, and where the histories before the first of them (in the stage's direction) are kept. */
export interface TapeSegment {
  readonly from: number
  readonly to: number
  /** 0: it starts from the initial states. */
  readonly checkpoint: number
}

const { BEGINS, STARTS, ENDS, FINISHES } = LEG

/**
 * Backward under truncation: one leg per block of losses, the last block first. A block ends at step e, a multiple of the stride
 * (beyond the last step perhaps); its leg takes the gradients by the outputs of [e - stride, e) back to step e - window.
 */
export function truncatedLegs(plan: Plan, steps: number, { window, stride = window }: Truncation): Leg[] {
  const blocks = Math.ceil(steps / stride)
  return Array.from({ length: blocks }, (_, i) => {
    const end = (blocks - i) * stride
    const from = Math.max(0, end - window)
    const flags = STARTS + (i === 0 ? BEGINS : 0) + (from === 0 ? ENDS : 0) + (i === blocks - 1 ? FINISHES : 0)
    return { plan, stage: 0, from, to: Math.min(end, steps), lossFrom: end - stride, flags }
  })
}

/** At most so many pieces of chunks do those legs run over. */
export function truncatedPieces(steps: number, chunk: number, { window, stride = window }: Truncation): number {
  return Math.ceil(steps / stride) * (Math.ceil(window / chunk) + 1)
}

/** Forward over the segments of one stage, in its direction, leaving a checkpoint before each but the first. */
export function recordingLegs(plan: Plan, stage: number, segments: readonly TapeSegment[]): Leg[] {
  return segments.map(({ from, to }, i) => {
    const next = segments[i + 1]
    const flags = (i === 0 ? BEGINS + STARTS : 0) + (next === undefined ? ENDS + FINISHES : 0)
    return { plan, stage, from, to, flags, store: next?.checkpoint ?? 0 }
  })
}

/** Backward over them, the last one first: each is run again from its checkpoint, then its adjoint. */
export function replayingLegs(
  rerun: { plan: Plan; stage: number },
  backward: { plan: Plan; stage: number },
  segments: readonly TapeSegment[],
): Leg[] {
  const last = segments.length - 1
  return [...segments].reverse().flatMap(({ from, to, checkpoint }, i) => {
    const again = (i === 0 ? BEGINS : 0) + (checkpoint === 0 ? STARTS : 0)
    const back = (i === 0 ? BEGINS + STARTS : 0) + (i === last ? ENDS + FINISHES : 0)
    return [
      { ...rerun, from, to, origin: from, flags: again, load: checkpoint },
      { ...backward, from, to, origin: from, flags: back },
    ]
  })
}
