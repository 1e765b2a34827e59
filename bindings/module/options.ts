/** What forward, backward and step of every module take and give. */
import { expectBoolean, expectOptions, fail } from '../runtime/check.ts'
import type { Tensor } from '../runtime/tensor.ts'
import type { Checkpointing } from './checkpointing.ts'
import type { Lengths } from './lengths.ts'
import type { State } from './state.ts'
import type { Tape } from './tape.ts'
import type { Truncation } from './truncation.ts'

/** What a module receives: one tensor, or several by name. */
export type Input = Tensor | Readonly<Record<string, Tensor>>

/**
 * @internal Names the input that a container hands from one module to the next: nobody else writes to it, so that a forward that records
 * need not copy it. A forward that passes its options on with another input says nothing by it.
 */
export const HANDED = Symbol('handed')

export interface ForwardOptions {
  /** The state before the first step; zeros if left out. */
  state?: State | undefined
  /** Record what backward needs; the module's training mode if left out. */
  tape?: boolean
  /** Give a tape of its own, so that the module can be called again before backward; implies `tape`. */
  keep?: boolean
  /** Steps of each sample, from 0 to T; all T if left out. What lies behind them is not read, and the output there is 0. */
  lengths?: Lengths | undefined
  /** Backward sends gradients back over a window only: TBPTT. Unidirectional modules. */
  truncation?: Truncation | undefined
  /** Keep states at a few steps rather than the whole tape, and run segments again in backward: the same bits. */
  checkpoint?: Checkpointing | undefined
  /** @internal */
  [HANDED]?: Input
}

const FORWARD_OPTIONS = ['state', 'tape', 'keep', 'lengths', 'truncation', 'checkpoint']

export interface ForwardResult {
  readonly output: Tensor
  readonly state?: State | undefined
  /** Where forward was asked to keep it. */
  readonly tape?: Tape
}

/** Gradients of the loss by what forward gave. */
export interface OutputGradients {
  output?: Tensor | undefined
  state?: State | undefined
}

export interface BackwardOptions {
  /** false saves the gradient by the input. */
  inputGradient?: boolean
  /** A tape that forward kept; that of the last forward if left out. */
  tape?: Tape | undefined
}

export interface InputGradients {
  readonly input?: Input | undefined
  readonly state?: State | undefined
}

/** Does a forward record, and does it give its tape away? */
export interface TapeChoice {
  readonly tape: boolean
  readonly keep: boolean
}

/** Refuses unknown options of forward; says whether it records. */
export function expectForwardOptions(who: string, options: ForwardOptions, training: boolean): TapeChoice {
  expectOptions(who, options, FORWARD_OPTIONS)
  const keep = expectBoolean(who, 'keep', options.keep ?? false)
  const tape = expectBoolean(who, 'tape', options.tape ?? (training || keep))
  if (keep && !tape) fail('option', `${who}: keep is true and tape false; expected a tape to keep`)
  return { tape, keep }
}

/** Refuses unknown options of backward, and parts of a gradient that there are none of. */
export function expectBackwardOptions(
  who: string,
  gradients: OutputGradients,
  options: BackwardOptions,
): { inputGradient: boolean } {
  expectOptions(who, gradients, ['output', 'state'], 'gradients')
  expectOptions(who, options, ['inputGradient', 'tape'])
  return { inputGradient: expectBoolean(who, 'inputGradient', options.inputGradient ?? true) }
}
