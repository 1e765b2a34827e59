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

/**
 * The one error class of the package. The message says who, which argument, what was expected, what was
 * given and what to do: `GRU.forward: input is [12, 4, 6]; expected [T, B, 8] (inputSize is 8)`.
 */
export class RetrogradError extends Error {
  override readonly name = 'RetrogradError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

/** Refuses: the one way to. */
export function fail(code: ErrorCode, message: string): never {
  throw new RetrogradError(code, message)
}
