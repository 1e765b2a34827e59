import { describeValue, expectOptions, fail } from '../runtime/check.ts'

/** Checkpointing in time: √T segments, that many, or as few as fit into so many bytes of tape. */
export type Checkpointing = 'sqrt' | number | { readonly bytes: number }

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
