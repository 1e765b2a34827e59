/** Options that RNN, LSTM and GRU share, PyTorch's in camelCase. */
import { dropout } from '../program/build.ts'
import { type Cell, type SizedCell, sizeCell } from '../program/trace.ts'
import { expectBoolean, expectNumber, expectOptions, expectPositive } from '../runtime/check.ts'
import { type Runtime, expectRuntime } from '../runtime/runtime.ts'
import type { UnrolledOptions } from './unrolled.ts'

export interface RecurrentOptions {
  /** Columns of the input. */
  inputSize: number
  /** Columns of the hidden state. */
  hiddenSize: number
  /** Layers stacked; 1 if left out. */
  numLayers?: number
  /** Two biases, on the input side and on the recurrent one; true if left out. */
  bias?: boolean
  /** Input and output are [B, T, F] rather than [T, B, F] (states are not affected). */
  batchFirst?: boolean
  /** In training, the share of each layer's output that is dropped on its way to the next layer; 0 if left out. */
  dropout?: number
}

export const RECURRENT_OPTIONS = ['inputSize', 'hiddenSize', 'numLayers', 'bias', 'batchFirst', 'dropout']

const PARAMETER_NAMES: Readonly<Record<string, string>> = {
  weightIh: 'weight_ih',
  weightHh: 'weight_hh',
  biasIh: 'bias_ih',
  biasHh: 'bias_hh',
}

/** Checks the shared options and describes the stack that `cellOf` makes: PyTorch's names and initial values. */
export function recurrentStack(
  runtime: Runtime,
  who: string,
  options: RecurrentOptions,
  own: readonly string[],
  cellOf: (bias: boolean) => Cell,
): UnrolledOptions {
  expectRuntime(who, runtime)
  expectOptions(who, options, [...RECURRENT_OPTIONS, ...own])
  const { numLayers = 1, bias = true, batchFirst = false } = options
  const I = expectPositive(who, 'inputSize', options.inputSize)
  const H = expectPositive(who, 'hiddenSize', options.hiddenSize)
  expectPositive(who, 'numLayers', numLayers)
  expectBoolean(who, 'batchFirst', batchFirst)
  const p = expectNumber(who, 'dropout', options.dropout ?? 0, 0, 1)
  const cell = cellOf(expectBoolean(who, 'bias', bias))
  const layers: SizedCell[] = Array.from({ length: numLayers }, (_, k) =>
    k === 0 ? sizeCell(cell, { I, H }) : sizeCell(dropsInput(cell, p, k), { I: H, H }),
  )
  const bound = 1 / runtime.core.squareRoot(H)
  return {
    layers,
    batchFirst,
    layered: true,
    nameOf: (k, param) => `${PARAMETER_NAMES[param]}_l${k}`,
    boundOf: () => bound,
  }
}

/** The cell behind dropout of its input, drawn from a stream of its own. */
function dropsInput(cell: Cell, p: number, stream: number): Cell {
  if (p === 0) return cell
  return { ...cell, step: (values) => cell.step({ ...values, x: dropout(values['x']!, p, stream) }) }
}
