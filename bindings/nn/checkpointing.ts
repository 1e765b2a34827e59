/** Checkpointing in time: how long a segment is, for a way of asking. */
import { chunkSteps, layOut } from '../program/layout.ts'
import type { Stage } from '../program/plan.ts'
import { describeValue, expectOptions, fail } from '../runtime/check.ts'
import { roundUp } from '../runtime/heap.ts'
import { type CallShape, type Stack, bytesOf, stagesOf } from './stack.ts'

/** √T segments, that many, or as few as fit into so many bytes of tape. */
export type Checkpointing = 'sqrt' | number | { readonly bytes: number }

export interface SegmentPlan {
  /** Steps of a segment: whole chunks. */
  readonly steps: number
  readonly checkpointBytes: number
  /** Bytes of one checkpoint of each stage. */
  readonly historyBytes: readonly number[]
}

export function expectCheckpointing(who: string, checkpoint: unknown): Checkpointing | undefined {
  if (checkpoint === undefined || checkpoint === 'sqrt') return checkpoint
  if (typeof checkpoint === 'number' && Number.isSafeInteger(checkpoint) && checkpoint > 0) return checkpoint
  if (checkpoint === null || typeof checkpoint !== 'object') {
    const given = describeValue(checkpoint)
    fail('option', `${who}: checkpoint is ${given}; expected 'sqrt', a whole number of segments >= 1, or { bytes }`)
  }
  expectOptions(`${who}: checkpoint`, checkpoint, ['bytes'])
  const { bytes } = checkpoint as { bytes: number }
  if (typeof bytes === 'number' && bytes > 0) return { bytes }
  return fail('option', `${who}: checkpoint.bytes is ${describeValue(bytes)}; expected a number of bytes > 0`)
}

/**
 * Segments are whole chunks, so that full and checkpointed gradients agree to the bit.
 *
 * @param stages those of the plan that runs a segment again, for its size
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
  const plan = (perSegment: number) => segmentPlan(stack, shape, Math.min(perSegment * chunk, shape.steps))
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

function segmentPlan(stack: Stack, shape: CallShape, steps: number): SegmentPlan {
  const count = Math.ceil(shape.steps / steps)
  const historyBytes = stagesOf(stack, stack.layers).map(({ units }) => {
    const states = units.flatMap(({ graph }) => graph.states)
    const columns = states.reduce((sum, { columns, reads }) => sum + columns * Math.max(...reads.keys()), 0)
    return roundUp(bytesOf(stack, [shape.batch, columns]), 64)
  })
  const checkpointBytes = (count - 1) * historyBytes.reduce((sum, bytes) => sum + bytes, 0)
  return { steps, checkpointBytes, historyBytes }
}
