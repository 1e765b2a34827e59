/** What a forward is planned from: which programs run, what of them is kept, and where their parameters are. */
import type { Checkpointing } from '../module/checkpointing.ts'
import type { CompiledProgram } from '../program/compile.ts'
import type { Entry } from '../program/entry.ts'
import type { Ported } from './programs.ts'
import { type CallShape, type Stack, isSwapped } from './stack.ts'

/** A forward as it is asked for. */
export interface ForwardRequest {
  /** `step` overwrites the state that it is given. */
  readonly mode: 'plain' | 'tape' | 'step'
  /** Does each sample have a length of its own? */
  readonly lengths: boolean
  readonly checkpoint: Checkpointing | undefined
}

/** What tells requests apart. */
export function requestKey({ leading }: CallShape, { mode, lengths, checkpoint }: ForwardRequest): string {
  const parts = typeof checkpoint === 'object' ? `${checkpoint.bytes} bytes` : checkpoint
  return `${mode} ${leading.join(' ')} ${lengths} ${parts}`
}

/** A forward to be planned. */
export interface ForwardSpec {
  /** Which programs it runs: what they pack from the parameters is theirs. */
  readonly kind: string
  /**
   * By layer. The inputs of a layer above the first are the outputs of the layer below, in their order; all programs carry the same
   * states.
   */
  readonly programs: readonly CompiledProgram[]
  /** Which layers' outputs leave by ports. */
  readonly ported: Ported
  /** Does each sample have a length of its own? */
  readonly lengths: boolean
  /** The states after the last step have memory of the call's. */
  readonly keepsStates: boolean
  readonly checkpoint?: CheckpointSpec | undefined
  /** Where a parameter is, if not at the layer's own. */
  readonly parameter?: (layer: number, param: string) => Entry | undefined
}

/** States are kept at a few steps, and the steps between are run again for backward. */
export interface CheckpointSpec {
  readonly every: Checkpointing
  /** By layer: record a segment of what the forward's programs compute. */
  readonly rerun: readonly CompiledProgram[]
}

/** What a module's own forward runs. */
export function specOf(stack: Stack, shape: CallShape, { mode, lengths, checkpoint }: ForwardRequest): ForwardSpec {
  const records = mode === 'tape' && checkpoint === undefined ? 'tape' : 'plain'
  const ported = portedFor(stack, shape, lengths)
  const programs = stack.programs.forward(records, ported)
  const plain = { kind: `${records} ${ported}`, programs, ported, lengths, keepsStates: mode !== 'step' }
  if (checkpoint === undefined) return plain
  const rerun = stack.programs.forward('rerun', stack.directions === 2 ? 'all' : 'top')
  return { ...plain, checkpoint: { every: checkpoint, rerun } }
}

/** Outputs leave by ports where they lie otherwise than the engine's, where padding is cleared, and where two directions stand side by side. */
export function portedFor({ directions }: Stack, shape: CallShape, lengths: boolean): Ported {
  if (directions === 2) return 'all'
  return isSwapped(shape) || lengths ? 'top' : 'none'
}
