import { linear, sigmoid, slice } from '../program/ops/index.ts'
import { blend } from '../program/ops/composed.ts'
import { type Cell, defineCell } from '../program/trace.ts'
import { expectBoolean, expectOptions } from '../runtime/check.ts'

export interface MinGruOptions {
  /** true if left out. */
  bias?: boolean
}

/**
 * A GRU of which gate and candidate do not read the state: z = σ(W_z x + b_z), h̃ = W_h x + b_h, h' = (1 - z) h + z h̃.
 * Here z admits the new, as in the paper; PyTorch's GRU has it the other way round, h' = (1 - z) n + z h. Blocks z, h̃ in
 * `weightIh` and `bias`. Only the blend runs step by step. Sizes I, H; output [B, H].
 *
 * @see Feng et al. 2024, https://arxiv.org/abs/2410.01201
 */
export function minGruCell(options: MinGruOptions = {}): Cell {
  expectOptions('minGruCell', options, ['bias'])
  const { bias = true } = options
  expectBoolean('minGruCell', 'bias', bias)
  return defineCell({
    state: { h: 'H' },
    input: { x: 'I' },
    params: { weightIh: ['2H', 'I'], ...(bias && { bias: ['2H'] }) },
    step: ({ x, h, weightIh, bias: start }) => {
      const H = h!.columns
      const gates = linear(x!, weightIh!, start)
      const next = blend(sigmoid(slice(gates, 0, H)), h!, slice(gates, H, 2 * H))
      return { state: { h: next }, output: next }
    },
  })
}
