import { lstmCell } from '../cells/lstm.ts'
import { expectBoolean } from '../runtime/check.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { type RecurrentOptions, recurrentStack } from './recurrent-options.ts'
import { Unrolled } from './unrolled.ts'

export interface LSTMOptions extends RecurrentOptions {
  /** Gates as one pass (the default) or as a chain of plain operations: the same bits forward, slower. */
  fused?: boolean
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
    super(runtime, { ...recurrentStack(runtime, 'LSTM', options, ['fused'], (bias) => lstmCell({ bias })), fused })
    this.inputSize = options.inputSize
    this.hiddenSize = options.hiddenSize
  }

  protected override sizeHint(columns: number): string {
    return `inputSize is ${columns}`
  }
}
