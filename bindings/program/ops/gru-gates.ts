/** The gates of a GRU: one fused operation, an adjoint of its own, and the plain operations that it stands for. */
import { OP } from '../format.ts'
import { type Operation, type Value, makeNode, builder } from '../operation.ts'
import { blend } from './composed.ts'
import { add, mul } from './elementwise.ts'
import { type GateFunctions, USUAL, block, emitGates, expectBlocks, resolveFunctions } from './gates.ts'

const GATES = 1 // the result that holds the three activated gates

const GRU_GATES: Operation = {
  name: 'gruGates',
  emit: emitGates(OP.GRU_GATES, 0),
  inPlace: ({ inputs }, { index }) => (index === GATES ? inputs[0] : undefined),
  activations: {
    result: GATES,
    blocks: [
      { name: 'r', kind: 'sigmoid' },
      { name: 'z', kind: 'sigmoid', keeps: true },
      { name: 'n', kind: 'tanh' },
    ],
  },
  adjoint: ({ inputs: [, gh, previous], results }, [dHidden]) => {
    const gates = results[GATES]!
    return makeNode(
      GRU_GATES_ADJOINT,
      [gates, gh!, previous!, dHidden!],
      [gates, gates, previous!].map(({ columns }) => ['batch', columns] as const),
    )
  },
  plain: ([gi, gh, previous]) => [plain(gi!, gh!, previous!, USUAL)],
}

const GRU_GATES_ADJOINT: Operation = {
  name: 'gruGatesAdjoint',
  emit: emitGates(OP.GRU_GATES_ADJOINT, 2),
}

/** In the order of the fused kernel, so that forward both agree to the bit. */
function plain(gi: Value, gh: Value, h: Value, { activation, recurrentActivation }: GateFunctions): Value {
  const H = h.columns
  const r = recurrentActivation(add(block(gi, 0, H), block(gh, 0, H)))
  const z = recurrentActivation(add(block(gi, 1, H), block(gh, 1, H)))
  return blend(z, activation(add(block(gi, 2, H), mul(r, block(gh, 2, H)))), h)
}

/**
 * GRU, reset gate after the recurrent product: both products [B, 3H] in blocks r, z, n and the previous hidden [B, H].
 * n = tanh(gi_n + r gh_n); h' = (1 - z) n + z h. Other functions than tanh and sigmoid run as a chain of plain operations.
 */
export const gruGates = builder(
  'gruGates',
  ['value', 'value', 'value', 'other'],
  (gi: Value, gh: Value, hidden: Value, functions: Partial<GateFunctions> = {}): Value => {
    expectBlocks('gruGates', gi, hidden, 3)
    expectBlocks('gruGates', gh, hidden, 3)
    const H = hidden.columns
    const { fused, used } = resolveFunctions('gruGates', functions)
    if (!fused) return plain(gi, gh, hidden, used)
    return makeNode(
      GRU_GATES,
      [gi, gh, hidden],
      [
        ['batch', H],
        ['batch', 3 * H],
      ],
    )[0]!
  },
)
