/** The gates of an LSTM: one fused operation, an adjoint of its own, and the plain operations that it stands for. */
import { OP } from '../format.ts'
import { type Operation, type Value, makeNode, builder } from '../operation.ts'
import { zerosLike } from './constant.ts'
import { add, mul } from './elementwise.ts'
import { type GateFunctions, USUAL, block, emitGates, expectBlocks, resolveFunctions } from './gates.ts'

const GATES = 2 // the result that holds the four activated gates

const LSTM_GATES: Operation = {
  name: 'lstmGates',
  emit: emitGates(OP.LSTM_GATES, 0),
  inPlace: ({ inputs }, { index }) => (index === GATES ? inputs[0] : undefined),
  activations: {
    result: GATES,
    blocks: [
      { name: 'i', kind: 'sigmoid' },
      { name: 'f', kind: 'sigmoid', keeps: true },
      { name: 'g', kind: 'tanh' },
      { name: 'o', kind: 'sigmoid' },
    ],
  },
  adjoint: ({ inputs: [, previous], results }, [dHidden, dCell]) => {
    const [hidden, cell, gates, tanhCell] = results as [Value, Value, Value, Value]
    const inputs = [gates, previous!, tanhCell, dHidden ?? zerosLike(hidden), dCell ?? zerosLike(cell)]
    return makeNode(LSTM_GATES_ADJOINT, inputs, [
      ['batch', gates.columns],
      ['batch', previous!.columns],
    ])
  },
  plain: ([a, previous]) => plain(a!, previous!, USUAL),
}

const LSTM_GATES_ADJOINT: Operation = {
  name: 'lstmGatesAdjoint',
  emit: emitGates(OP.LSTM_GATES_ADJOINT, 1),
}

/** In the order of the fused kernel, so that forward both agree to the bit. */
function plain(a: Value, previous: Value, { activation, recurrentActivation: gate }: GateFunctions): Value[] {
  const H = previous.columns
  const cell = add(mul(gate(block(a, 1, H)), previous), mul(gate(block(a, 0, H)), activation(block(a, 2, H))))
  return [mul(gate(block(a, 3, H)), activation(cell)), cell]
}

/**
 * LSTM: pre-activations [B, 4H] in blocks i, f, g, o and the previous cell [B, H].
 * c' = f c + i g; h' = o tanh(c'). Other functions than tanh and sigmoid run as a chain of plain operations.
 */
export const lstmGates = builder(
  'lstmGates',
  ['value', 'value', 'other'],
  (preactivations: Value, cell: Value, functions: Partial<GateFunctions> = {}): { hidden: Value; cell: Value } => {
    expectBlocks('lstmGates', preactivations, cell, 4)
    const H = cell.columns
    const { fused, used } = resolveFunctions('lstmGates', functions)
    const [hidden, next] = fused
      ? makeNode(
          LSTM_GATES,
          [preactivations, cell],
          [H, H, 4 * H, H].map((columns) => ['batch', columns] as const),
        )
      : plain(preactivations, cell, used)
    return { hidden: hidden!, cell: next! }
  },
)
