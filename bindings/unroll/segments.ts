/** Checkpointing in time: how long a segment is, for a way of asking. */
import type { Checkpointing } from '../module/checkpointing.ts'
import { chunkSteps, layOut } from '../program/layout.ts'
import type { Stage } from '../program/stage.ts'
import { greatest } from '../runtime/greatest.ts'
import { fail } from '../runtime/check.ts'
import { roundUp } from '../runtime/heap.ts'
import { type CallShape, type Stack, bytesOf } from './stack.ts'

export interface SegmentPlan {
  /** Steps of a segment: whole chunks. */
  readonly steps: number
  readonly checkpointBytes: number
  /** Bytes of one checkpoint of each stage. */
  readonly historyBytes: readonly number[]
}

/**
 * Segments are whole chunks, so that full and checkpointed gradients agree to the bit.
 *
 * @param stages those of the plan that runs a segment again, for its size and what it starts from
 * @throws RetrogradError 'memory' for bytes that no segment fits into
 */
export function segmentsFor(
  stack: Stack,
  shape: CallShape,
  checkpoint: Checkpointing,
  stages: readonly Stage[],
): SegmentPlan {
  const chunk = chunkSteps(shape.batch)
  const chunks = Math.ceil(shape.steps / chunk)
  const historyBytes = stages.map((stage) => historyBytesOf(stack, shape, stage))
  const plan = (perSegment: number) => segmentPlan(shape, historyBytes, Math.min(perSegment * chunk, shape.steps))
  if (checkpoint === 'sqrt') return plan(Math.ceil(stack.runtime.core.squareRoot(chunks)))
  if (typeof checkpoint === 'number') return plan(Math.ceil(chunks / checkpoint))
  const options = { steps: shape.steps, batch: shape.batch, who: stack.who }
  const bytesWith = (candidate: SegmentPlan) =>
    layOut(stack.runtime, stages, { ...options, tapeSteps: candidate.steps }).bytes + candidate.checkpointBytes
  let least = Infinity
  // from one segment on, for each number of segments the shortest that do
  for (let length = chunks; length > 0; length = Math.ceil(chunks / Math.ceil(chunks / (length - 1)))) {
    const candidate = plan(length)
    const bytes = bytesWith(candidate)
    if (bytes <= checkpoint.bytes) return candidate
    least = Math.min(least, bytes)
  }
  return fail(
    'memory',
    `${stack.who}.forward: checkpoint.bytes is ${checkpoint.bytes}; the least that would do for T = ${shape.steps}, B = ${shape.batch} is ${least}`,
  )
}

function segmentPlan({ steps: T }: CallShape, historyBytes: readonly number[], steps: number): SegmentPlan {
  const count = Math.ceil(T / steps)
  const checkpointBytes = (count - 1) * historyBytes.reduce((sum, bytes) => sum + bytes, 0)
  return { steps, checkpointBytes, historyBytes }
}

/** Of a checkpoint: every state, as far back as a step reads it. */
function historyBytesOf(stack: Stack, { batch }: CallShape, { units }: Stage): number {
  const states = units.flatMap(({ program }) => program.graph.states)
  const columns = states.reduce((sum, { columns: own, reads }) => sum + own * greatest(reads.keys()), 0)
  return roundUp(bytesOf(stack, [batch, columns]), 64)
}
