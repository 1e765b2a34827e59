/**
 * The gates of LSTM and GRU: one fused operation where the trace allows it, else the chain of plain operations it
 * stands for. Both take the operations in the same order, so that forward they agree to the bit.
 */
import { RetrogradError } from '../runtime/errors.ts'
import { type Value, describe, expectValue, makeNode } from './graph.ts'
import { add, mul, sigmoid, slice, sub, tanh, fill } from './build.ts'

let fusing = true

/** Runs `build` with fused gates on or off: second-order transformations need them off. */
export function withFusion<R>(fused: boolean, build: () => R): R {
  const before = fusing
  fusing = fused
  try {
    return build()
  } finally {
    fusing = before
  }
}

/**
 * LSTM: preactivations [B, 4H] in blocks i, f, g, o and the previous cell [B, H].
 * c' = f c + i g; h' = o tanh(c').
 */
export function lstmGates(preactivations: Value, cell: Value): { hidden: Value; cell: Value } {
  const H = cell.columns
  expectBlocks('lstmGates', preactivations, cell, 4)
  if (fusing) {
    const shapes = [
      ['batch', H],
      ['batch', H],
      ['batch', 4 * H],
      ['batch', H],
    ] as const
    const [hidden, next] = makeNode('lstmGates', [preactivations, cell], shapes)
    return { hidden: hidden!, cell: next! }
  }
  const block = (k: number) => slice(preactivations, k * H, (k + 1) * H)
  const next = add(mul(sigmoid(block(1)), cell), mul(sigmoid(block(0)), tanh(block(2))))
  return { hidden: mul(sigmoid(block(3)), tanh(next)), cell: next }
}

/**
 * GRU, reset gate after the recurrent product: both products [B, 3H] in blocks r, z, n and the previous hidden [B, H].
 * n = tanh(gi_n + r gh_n); h' = (1 - z) n + z h.
 */
export function gruGates(gi: Value, gh: Value, hidden: Value): Value {
  const H = hidden.columns
  expectBlocks('gruGates', gi, hidden, 3)
  expectBlocks('gruGates', gh, hidden, 3)
  if (fusing)
    return makeNode(
      'gruGates',
      [gi, gh, hidden],
      [
        ['batch', H],
        ['batch', 3 * H],
      ],
    )[0]!
  const block = (x: Value, k: number) => slice(x, k * H, (k + 1) * H)
  const r = sigmoid(add(block(gi, 0), block(gh, 0)))
  const z = sigmoid(add(block(gi, 1), block(gh, 1)))
  const n = tanh(add(block(gi, 2), mul(r, block(gh, 2))))
  return blend(z, n, hidden)
}

function expectBlocks(op: string, blocks: Value, state: Value, gates: number): void {
  expectValue(op, blocks)
  expectValue(op, state)
  if (blocks.rows === 'batch' && state.rows === 'batch' && blocks.columns === gates * state.columns) return
  const given = `${describe(blocks)} and ${describe(state)}`
  throw new RetrogradError('cell', `${op}: operands are ${given}; expected values [B, ${gates}H] and [B, H]`)
}

/** (1 - z) n + z h. */
export function blend(z: Value, n: Value, h: Value): Value {
  return add(mul(sub(fill(1, z.rows, z.columns), z), n), mul(z, h))
}
