import { type Nonlinearity, expectNonlinearity, rnnCell } from '../cells/rnn.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { Unrolled } from '../unroll/unrolled.ts'
import { type RecurrentOptions, expectRecurrent, recurrentStack } from './recurrent-options.ts'

export interface RNNOptions extends RecurrentOptions {
  /** 'tanh' if left out. */
  nonlinearity?: Nonlinearity
}

const DEFAULTS = { nonlinearity: 'tanh' as Nonlinearity }

/**
 * Elman's network: h' = φ(W_ih x + b_ih + W_hh h + b_hh), with φ tanh, ReLU or the identity.
 * Input [T, B, inputSize], output [T, B, hiddenSize], state { h: [numLayers, B, hiddenSize] }.
 *
 * @see torch.nn.RNN, whose names, shapes and initial values these are
 */
export class RNN extends Unrolled {
  declare readonly options: Readonly<Required<RNNOptions>>
  readonly inputSize: number
  readonly hiddenSize: number

  constructor(runtime: Runtime, options: RNNOptions) {
    const filled = expectRecurrent(runtime, 'RNN', options, DEFAULTS)
    const nonlinearity = expectNonlinearity('RNN', filled.nonlinearity)
    super(
      runtime,
      recurrentStack(runtime, 'RNN', filled, (choice) => rnnCell({ nonlinearity, ...choice })),
    )
    this.inputSize = options.inputSize
    this.hiddenSize = options.hiddenSize
  }

  protected override sizeHint(columns: number): string {
    return `inputSize is ${columns}`
  }
}
