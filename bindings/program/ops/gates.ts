/** What fused gates have in common: pre-activations in blocks of one width, and the functions that bend them. */
import { expectOptions } from '../../runtime/check.ts'
import { fail } from '../../runtime/errors.ts'
import { type Emitter, type Node, type Value, valueShape } from '../operation.ts'
import { slice } from './columns.ts'
import { type Unary, sigmoid, tanh } from './elementwise.ts'

export interface GateFunctions {
  /** Of the candidate, and of an LSTM's cell on its way out. */
  readonly activation: Unary
  /** Of the gates. */
  readonly recurrentActivation: Unary
}

/** Only these have a fused kernel. */
export const USUAL: GateFunctions = { activation: tanh, recurrentActivation: sigmoid }

/** The functions to use, the usual ones where none are given; `fused` where all are usual. */
export function resolveFunctions(who: string, given: Partial<GateFunctions>): { fused: boolean; used: GateFunctions } {
  expectOptions(who, given, Object.keys(USUAL))
  const { activation = tanh, recurrentActivation = sigmoid } = given
  return {
    fused: activation === tanh && recurrentActivation === sigmoid,
    used: { activation, recurrentActivation },
  }
}

/** Block k of H columns. */
export const block = (x: Value, k: number, H: number): Value => slice(x, k * H, (k + 1) * H)

/** Writes an instruction of results, inputs and H, which result `one` has columns of. */
export const emitGates =
  (opcode: number, one: number) =>
  ({ inputs, results }: Node, out: Emitter): void => {
    const slots = [...results, ...inputs].map((value) => out.slot(value))
    out.emit(opcode, ...slots, results[one]!.columns)
  }

export function expectBlocks(who: string, blocks: Value, state: Value, gates: number): void {
  if (blocks.rows === 'batch' && state.rows === 'batch' && blocks.columns === gates * state.columns) return
  const given = `${valueShape(blocks)} and ${valueShape(state)}`
  fail('cell', `${who}: operands are ${given}; expected values [B, ${gates}H] and [B, H]`)
}
