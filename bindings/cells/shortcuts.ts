/** Shortcuts in time and depth around a cell of a recurrent layer. */
import { add, linear, prev, slice } from '../program/ops/index.ts'
import type { Value } from '../program/operation.ts'
import type { Cell, Size } from '../program/trace.ts'

/** h_t = h_{t-1} + cell(h_{t-1}, x_t), that h being the one used downstream; other states are unchanged. */
export function residualCell(cell: Cell): Cell {
  return {
    ...cell,
    step: (values) => {
      const { state } = cell.step(values)
      const h = add(values['h']!, state['h']!)
      return { state: { ...state, h }, output: h }
    },
  }
}

/** The output of a layer plus its input; with two directions each adds its half. */
export function layerResidualCell(cell: Cell, half: number): Cell {
  return {
    ...cell,
    step: (values) => {
      const { state, output } = cell.step(values)
      const from = half * output.columns
      return { state, output: add(output, slice(values['x']!, from, from + output.columns)) }
    },
  }
}

/** Parameters of skips h_{t-s} → h_t by their lags: a weight for each, of all gates. */
export function skipParams(skips: readonly number[], rows: Size, columns: Size): Record<string, readonly Size[]> {
  return Object.fromEntries(skips.map((lag) => [`weightSkip${lag}`, [rows, columns]]))
}

/** The input-side pre-activations `start` with what skips add to them. */
export function skipSum(
  skips: readonly number[],
  h: Value,
  values: Readonly<Record<string, Value>>,
  start: Value,
): Value {
  return skips.reduce((sum, lag) => linear(prev(h, lag), values[`weightSkip${lag}`]!, sum), start)
}
