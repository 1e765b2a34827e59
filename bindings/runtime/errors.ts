import { printable, shortened } from './printable.ts'

/** Stable machine-readable reasons; the message is for people and may change. */
export type ErrorCode =
  | 'shape' // a rank or size disagrees with what the callee expects
  | 'type' // an argument is of the wrong kind
  | 'option' // an unknown or impossible option
  | 'range' // a value outside its allowed range (an id, a probability, a size)
  | 'disposed' // a handle used after dispose()
  | 'runtime' // a tensor or module of another runtime
  | 'tape' // backward without a tape, or on one that was overwritten
  | 'memory' // more than maxMemory, or than the host gives
  | 'state-dict' // names or shapes of a state dict do not match
  | 'file' // a malformed or untrustworthy file
  | 'non-finite' // a loss or gradient that is not a number
  | 'busy' // a model that another call is training
  | 'convergence' // a solver that did not reach its tolerance
  | 'unsupported' // the host cannot run what was asked for
  | 'cell' // a step function that cannot be traced
  | 'internal' // a defect of ours

/** Characters of a message, and of its end, which says what to do. */
const [MOST, REMEDY] = [4000, 1000]

/**
 * The one error class of the package. The message says who, which argument, what was expected, what was
 * given and what to do: `GRU.forward: input is [12, 4, 6]; expected [T, B, 8] (inputSize is 8)`. It is one line of printable
 * text, and no longer than a page, whatever it quotes: names in a file or in a caller's object are not to be trusted.
 */
export class RetrogradError extends Error {
  override readonly name = 'RetrogradError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: { cause: unknown }) {
    super(printable(shortened(message, MOST, REMEDY)), options)
    this.code = code
  }
}

/** Refuses: the one way to. */
export function fail(code: ErrorCode, message: string, options?: { cause: unknown }): never {
  throw new RetrogradError(code, message, options)
}
