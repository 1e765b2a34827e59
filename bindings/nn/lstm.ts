import { ACTIVATIONS, type ActivationName } from '../cells/activations.ts'
import { lstmCell } from '../cells/lstm.ts'
import { expectBoolean, expectOneOf } from '../runtime/check.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { type RecurrentOptions, recurrentStack } from './recurrent-options.ts'
import { Unrolled } from './unrolled.ts'

export interface LSTMOptions extends RecurrentOptions {
  /** Gates as one pass (the default) or as a chain of plain operations: the same bits forward, slower. */
  fused?: boolean
  /** Of the candidate and of the cell on its way out; 'tanh' if left out. Others than the usual ones run unfused. */
  activation?: ActivationName
  /** Of the gates; 'sigmoid' if left out. */
  recurrentActivation?: ActivationName
}

/**
 * Long short-term memory: c' = f c + i g; h' = o tanh(c'). Gate blocks in every weight: i, f, g, o.
 * Input [T, B, inputSize], output [T, B, hiddenSize], state { h, c: [numLayers, B, hiddenSize] }.
 *
 * @see torch.nn.LSTM, whose names, shapes and initial values these are
 */
export class LSTM extends Unrolled {
  readonly inputSize: number
  readonly hiddenSize: number

  constructor(runtime: Runtime, options: LSTMOptions) {
    const fused = expectBoolean('LSTM', 'fused', options?.fused ?? true)
    const names = Object.keys(ACTIVATIONS) as ActivationName[]
    const activation = expectOneOf('LSTM', 'activation', options?.activation ?? 'tanh', names)
    const recurrentActivation = expectOneOf(
      'LSTM',
      'recurrentActivation',
      options?.recurrentActivation ?? 'sigmoid',
      names,
    )
    const own = ['fused', 'activation', 'recurrentActivation']
    const cellOf = (bias: boolean) => lstmCell({ bias, activation, recurrentActivation })
    super(runtime, { ...recurrentStack(runtime, 'LSTM', options, own, cellOf), fused })
    this.inputSize = options.inputSize
    this.hiddenSize = options.hiddenSize
  }

  protected override sizeHint(columns: number): string {
    return `inputSize is ${columns}`
  }
}
