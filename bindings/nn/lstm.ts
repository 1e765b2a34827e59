import { ACTIVATIONS, type ActivationName } from '../cells/activations.ts'
import { lstmCell } from '../cells/lstm.ts'
import { describeValue, expectBoolean, expectOneOf, expectPositive, fail } from '../runtime/check.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { Unrolled } from '../unroll/unrolled.ts'
import { type CellChoice, type RecurrentOptions, expectRecurrent, recurrentStack } from './recurrent-options.ts'

export interface LSTMOptions extends RecurrentOptions {
  /** Gates as one pass (the default) or as a chain of plain operations: the same bits forward, slower. */
  fused?: boolean
  /** Of the candidate and of the cell on its way out; 'tanh' if left out. Others than the usual ones run unfused. */
  activation?: ActivationName
  /** Of the gates; 'sigmoid' if left out. */
  recurrentActivation?: ActivationName
  /** Columns of h, projected from the hidden ones by weight_hr; fewer than hiddenSize; 0 (the default) for no projection. */
  projSize?: number
}

const DEFAULTS = {
  fused: true,
  activation: 'tanh' as ActivationName,
  recurrentActivation: 'sigmoid' as ActivationName,
  projSize: 0,
}

/**
 * Long short-term memory: c' = f c + i g; h' = o tanh(c'). Gate blocks in every weight: i, f, g, o.
 * Input [T, B, inputSize], output [T, B, P], state { h: [numLayers, B, P], c: [numLayers, B, hiddenSize] }, P being projSize or
 * hiddenSize; with two directions output [T, B, 2P] and states [2 · numLayers, B, …].
 *
 * @see torch.nn.LSTM, whose names, shapes and initial values these are
 */
export class LSTM extends Unrolled {
  declare readonly options: Readonly<Required<LSTMOptions>>
  readonly inputSize: number
  readonly hiddenSize: number
  /** 0: h is not projected. */
  readonly projSize: number

  constructor(runtime: Runtime, options: LSTMOptions) {
    const filled = expectRecurrent(runtime, 'LSTM', options, DEFAULTS)
    const fused = expectBoolean('LSTM', 'fused', filled.fused)
    const names = Object.keys(ACTIVATIONS) as ActivationName[]
    const activation = expectOneOf('LSTM', 'activation', filled.activation, names)
    const recurrentActivation = expectOneOf('LSTM', 'recurrentActivation', filled.recurrentActivation, names)
    const projSize = expectProjSize(filled)
    const cellOf = (choice: CellChoice) =>
      lstmCell({ ...choice, activation, recurrentActivation, projects: projSize > 0 })
    super(runtime, { ...recurrentStack(runtime, 'LSTM', filled, cellOf, projSize), fused })
    this.inputSize = options.inputSize
    this.hiddenSize = options.hiddenSize
    this.projSize = projSize
  }

  protected override sizeHint(columns: number): string {
    return `inputSize is ${columns}`
  }
}

function expectProjSize({ projSize = 0, hiddenSize }: LSTMOptions): number {
  expectPositive('LSTM', 'hiddenSize', hiddenSize)
  if (Number.isSafeInteger(projSize) && projSize >= 0 && (projSize === 0 || projSize < hiddenSize)) return projSize
  const given = `projSize is ${describeValue(projSize)}`
  return fail(
    'option',
    `LSTM: ${given}; expected a whole number from 0 to ${hiddenSize - 1} (hiddenSize is ${hiddenSize})`,
  )
}
