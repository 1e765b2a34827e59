import { gruCell } from '../cells/gru.ts'
import { expectBoolean } from '../runtime/check.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { type RecurrentOptions, recurrentStack } from './recurrent-options.ts'
import { Unrolled } from './unrolled.ts'

export interface GRUOptions extends RecurrentOptions {
  /** The reset gate acts after the recurrent product, as in PyTorch (the default), or before it. */
  resetAfter?: boolean
  /** Gates as one pass (the default) or as a chain of plain operations: the same bits forward, slower. */
  fused?: boolean
}

/**
 * Gated recurrent unit: h' = (1 - z) n + z h. Gate blocks in every weight: r, z, n.
 * Input [T, B, inputSize], output [T, B, hiddenSize], state { h: [numLayers, B, hiddenSize] }.
 *
 * @see torch.nn.GRU, whose names, shapes and initial values these are
 */
export class GRU extends Unrolled {
  readonly inputSize: number
  readonly hiddenSize: number

  constructor(runtime: Runtime, options: GRUOptions) {
    const resetAfter = expectBoolean('GRU', 'resetAfter', options?.resetAfter ?? true)
    const fused = expectBoolean('GRU', 'fused', options?.fused ?? true)
    const stack = recurrentStack(runtime, 'GRU', options, ['resetAfter', 'fused'], (bias) =>
      gruCell({ bias, resetAfter }),
    )
    super(runtime, { ...stack, fused })
    this.inputSize = options.inputSize
    this.hiddenSize = options.hiddenSize
  }

  protected override sizeHint(columns: number): string {
    return `inputSize is ${columns}`
  }
}
