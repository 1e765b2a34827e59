import { layerNormCell } from '../cells/layer-norm.ts'
import { sizeCell } from '../program/trace.ts'
import { expectBoolean, expectNumber, expectOptions, expectPositive } from '../runtime/check.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { Rowwise } from './rowwise.ts'

export interface LayerNormOptions {
  /** Columns of the input, or a list of that one number. */
  normalizedShape: number | readonly [number]
  /** Added to the variance; 1e-5 if left out. */
  eps?: number
  /** A learned factor (1 at first) and offset (0); true if left out. */
  elementwiseAffine?: boolean
}

/**
 * Rows of [T, B, n] or [B, n] with mean 0 and variance 1, times weight, plus bias.
 *
 * @see torch.nn.LayerNorm; Ba et al. 2016, https://arxiv.org/abs/1607.06450
 */
export class LayerNorm extends Rowwise {
  declare readonly options: Readonly<Required<LayerNormOptions>>

  constructor(runtime: Runtime, options: LayerNormOptions) {
    expectOptions('LayerNorm', options, ['normalizedShape', 'eps', 'elementwiseAffine'])
    const { normalizedShape } = options
    const given = Array.isArray(normalizedShape) && normalizedShape.length === 1 ? normalizedShape[0] : normalizedShape
    const N = expectPositive('LayerNorm', 'normalizedShape', given)
    const eps = expectNumber('LayerNorm', 'eps', options.eps ?? 1e-5, 0)
    const affine = expectBoolean('LayerNorm', 'elementwiseAffine', options.elementwiseAffine ?? true)
    super(runtime, 'normalizedShape', {
      type: 'LayerNorm',
      options: { normalizedShape: N, eps, elementwiseAffine: affine },
      layers: [[sizeCell(layerNormCell({ eps, affine }), { N })]],
      boundOf: () => 0,
    })
    for (const { name, value } of this.parameters()) if (name === 'weight') value.data.fill(1)
  }
}
