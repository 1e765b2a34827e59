/** Options that RNN, LSTM and GRU share, PyTorch's in camelCase. */
import { layerResidualCell, residualCell } from '../cells/shortcuts.ts'
import { fillIn } from '../module/remember.ts'
import { dropout } from '../program/ops/dropout.ts'
import { type Cell, type SizedCell, sizeCell } from '../program/trace.ts'
import { describeValue, expectBoolean, expectNumber, expectOptions, expectPositive, fail } from '../runtime/check.ts'
import { type Runtime, expectRuntime } from '../runtime/runtime.ts'
import type { UnrolledOptions } from '../unroll/layers.ts'

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
  /** Each layer runs in both directions, side by side in its output; states are [2 · numLayers, B, n], forward before reverse. */
  bidirectional?: boolean
  /** h_t = h_{t-1} + cell(h_{t-1}, x_t). */
  residual?: boolean
  /** Adds a layer's input to its output, in every layer but the first. */
  layerResidual?: boolean
  /** Lags s >= 2 of further states that every gate reads, each by a weight_skip{s} of its own; the state holds a `past` then. */
  skips?: readonly number[]
}

const DEFAULTS = {
  numLayers: 1,
  bias: true,
  batchFirst: false,
  dropout: 0,
  bidirectional: false,
  residual: false,
  layerResidual: false,
  skips: [] as readonly number[],
}

/** Options with nothing left out. */
export type Filled<Options extends RecurrentOptions> = Options & typeof DEFAULTS

/** What a module's own cell is made from. */
export interface CellChoice {
  readonly bias: boolean
  readonly skips: readonly number[]
}

/** Refuses unknown options, and fills in those left out. @param own what stands for the module's own options where they are left out */
export function expectRecurrent<Options extends RecurrentOptions, Own extends object>(
  runtime: Runtime,
  type: string,
  options: Options,
  own: Own,
): Filled<Options> & Own {
  expectRuntime(type, runtime)
  const defaults = { ...DEFAULTS, ...own }
  expectOptions(type, options, ['inputSize', 'hiddenSize', ...Object.keys(defaults)])
  return fillIn(options, defaults)
}

/**
 * Checks the shared options and describes the stack that `cellOf` makes: PyTorch's names and initial values.
 *
 * @param projSize columns of the hidden state where it is projected
 */
export function recurrentStack(
  runtime: Runtime,
  type: string,
  options: Filled<RecurrentOptions>,
  cellOf: (choice: CellChoice) => Cell,
  projSize = 0,
): UnrolledOptions {
  const flag = (name: 'bias' | 'batchFirst' | 'bidirectional' | 'residual' | 'layerResidual') =>
    expectBoolean(type, name, options[name])
  const H = expectPositive(type, 'hiddenSize', options.hiddenSize)
  const sizes = { I: expectPositive(type, 'inputSize', options.inputSize), H, P: projSize || H }
  const directions = flag('bidirectional') ? [0, 1] : [0]
  const [isResidual, isLayerResidual] = [flag('residual'), flag('layerResidual')]
  const p = expectNumber(type, 'dropout', options.dropout, 0, 1)
  const cell = cellOf({ bias: flag('bias'), skips: expectSkips(type, options.skips) })
  const inner = isResidual ? residualCell(cell) : cell
  const layerCell = (depth: number, direction: number): SizedCell => {
    if (depth === 0) return sizeCell(inner, sizes)
    const outer = isLayerResidual ? layerResidualCell(inner, direction) : inner
    return sizeCell(dropsInput(outer, p, depth), { ...sizes, I: directions.length * sizes.P })
  }
  const numLayers = expectPositive(type, 'numLayers', options.numLayers)
  const bound = 1 / runtime.core.squareRoot(H)
  return {
    type,
    options,
    layers: Array.from({ length: numLayers }, (_, depth) => directions.map((direction) => layerCell(depth, direction))),
    batchFirst: flag('batchFirst'),
    layered: true,
    nameOf: (depth, param, reversed) => `${publicName(param)}_l${depth}${reversed ? '_reverse' : ''}`,
    boundOf: () => bound,
  }
}

function expectSkips(who: string, skips: readonly number[]): readonly number[] {
  if (!Array.isArray(skips))
    fail('option', `${who}: skips is ${describeValue(skips)}; expected a list of whole numbers >= 2`)
  for (const [i, lag] of skips.entries()) {
    if (!Number.isSafeInteger(lag) || lag < 2)
      fail('option', `${who}: skips[${i}] is ${describeValue(lag)}; expected a whole number >= 2`)
    if (skips.indexOf(lag) !== i) fail('option', `${who}: skips holds ${lag} twice`)
  }
  return skips
}

/** weightIh → weight_ih, weightSkip2 → weight_skip2. */
const publicName = (param: string): string => param.replace(/[A-Z]/, (letter) => `_${letter.toLowerCase()}`)

/** The cell behind dropout of its input, drawn from a stream of its own. */
function dropsInput(cell: Cell, p: number, stream: number): Cell {
  if (p === 0) return cell
  return { ...cell, step: (values) => cell.step({ ...values, x: dropout(values['x']!, p, stream) }) }
}
