import { ACTIVATIONS, type ActivationName } from '../cells/activations.ts'
import { gruCell } from '../cells/gru.ts'
import { expectBoolean, expectOneOf } from '../runtime/check.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { Unrolled } from '../unroll/unrolled.ts'
import { type CellChoice, type RecurrentOptions, expectRecurrent, recurrentStack } from './recurrent-options.ts'

export interface GRUOptions extends RecurrentOptions {
  /** The reset gate acts after the recurrent product, as in PyTorch (the default), or before it. */
  resetAfter?: boolean
  /** Gates as one pass (the default) or as a chain of plain operations: the same bits forward, slower. */
  fused?: boolean
  /** Of the candidate; 'tanh' if left out. Others than the usual ones run unfused. */
  activation?: ActivationName
  /** Of the two gates; 'sigmoid' if left out. */
  recurrentActivation?: ActivationName
}

const DEFAULTS = {
  resetAfter: true,
  fused: true,
  activation: 'tanh' as ActivationName,
  recurrentActivation: 'sigmoid' as ActivationName,
}

/**
 * Gated recurrent unit: h' = (1 - z) n + z h. Gate blocks in every weight: r, z, n.
 * Input [T, B, inputSize], output [T, B, hiddenSize], state { h: [numLayers, B, hiddenSize] }.
 *
 * @see torch.nn.GRU, whose names, shapes and initial values these are
 */
export class GRU extends Unrolled {
  declare readonly options: Readonly<Required<GRUOptions>>
  readonly inputSize: number
  readonly hiddenSize: number

  constructor(runtime: Runtime, options: GRUOptions) {
    const filled = expectRecurrent(runtime, 'GRU', options, DEFAULTS)
    const resetAfter = expectBoolean('GRU', 'resetAfter', filled.resetAfter)
    const fused = expectBoolean('GRU', 'fused', filled.fused)
    const names = Object.keys(ACTIVATIONS) as ActivationName[]
    const activation = expectOneOf('GRU', 'activation', filled.activation, names)
    const recurrentActivation = expectOneOf('GRU', 'recurrentActivation', filled.recurrentActivation, names)
    const cellOf = (choice: CellChoice) => gruCell({ ...choice, resetAfter, activation, recurrentActivation })
    super(runtime, { ...recurrentStack(runtime, 'GRU', filled, cellOf), fused })
    this.inputSize = options.inputSize
    this.hiddenSize = options.hiddenSize
  }

  protected override sizeHint(columns: number): string {
    return `inputSize is ${columns}`
  }
}
