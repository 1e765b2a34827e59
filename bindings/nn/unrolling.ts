/** Strategies of unrolling, as lists of legs: full, truncated, checkpointed. */
import { LEG } from '../program/format.ts'
import type { Leg } from '../program/itinerary.ts'
import type { Plan } from '../program/plan.ts'
import { expectOptions, expectPositive, fail } from '../runtime/check.ts'

/** TBPTT(k1, k2): stride k1, window k2. */
export interface Truncation {
  /** Steps that a loss's gradient reaches back over, its own block's included. */
  readonly window: number
  /** Steps of a block of losses; the window if left out. */
  readonly stride?: number
}

export function expectTruncation(who: string, truncation: Truncation): Truncation {
  expectOptions(`${who}: truncation`, truncation, ['window', 'stride'])
  const window = expectPositive(who, 'truncation.window', truncation.window)
  const stride = expectPositive(who, 'truncation.stride', truncation.stride ?? window)
  if (stride > window) {
    fail('option', `${who}: truncation.stride is ${stride} and window ${window}; expected stride <= window`)
  }
  return { window, stride }
}

/** Steps [from, to) between two checkpoints, and where the histories before the first of them (in the stage's direction) are kept. */
export interface Segment {
  readonly from: number
  readonly to: number
  /** 0: it starts from the initial states. */
  readonly checkpoint: number
}

const { BEGINS, STARTS, ENDS, FINISHES } = LEG
const WHOLE = BEGINS + STARTS + ENDS + FINISHES

/** Every stage once over all steps; `apart`: sums begin and go out chunk by chunk. */
export function fullLegs(plan: Plan, stages: number, steps: number, apart = false): Leg[] {
  const flags = apart ? WHOLE - FINISHES + LEG.APART : WHOLE
  return Array.from({ length: stages }, (_, stage) => ({ plan, stage, from: 0, to: steps, flags }))
}

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

/** Forward over the segments of one stage, in its direction, leaving a checkpoint before each but the first. */
export function recordingLegs(plan: Plan, stage: number, segments: readonly Segment[]): Leg[] {
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
  segments: readonly Segment[],
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
