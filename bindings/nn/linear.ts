import { linearCell } from '../cells/linear.ts'
import { sizeCell } from '../program/trace.ts'
import { expectBoolean, expectOptions, expectPositive } from '../runtime/check.ts'
import { type Runtime, expectRuntime } from '../runtime/runtime.ts'
import { Rowwise } from './rowwise.ts'

export interface LinearOptions {
  /** Columns of the input. */
  inFeatures: number
  /** Columns of the output. */
  outFeatures: number
  /** true if left out. */
  bias?: boolean
}

/**
 * x Wᵀ + b on [T, B, inFeatures] (either order of the leading axes) or [B, inFeatures].
 *
 * @see torch.nn.Linear, whose names, shapes and initial values these are
 */
export class Linear extends Rowwise {
  declare readonly options: Readonly<Required<LinearOptions>>
  readonly inFeatures: number
  readonly outFeatures: number

  constructor(runtime: Runtime, options: LinearOptions) {
    expectRuntime('Linear', runtime)
    expectOptions('Linear', options, ['inFeatures', 'outFeatures', 'bias'])
    const I = expectPositive('Linear', 'inFeatures', options.inFeatures)
    const O = expectPositive('Linear', 'outFeatures', options.outFeatures)
    const bias = expectBoolean('Linear', 'bias', options.bias ?? true)
    const bound = 1 / runtime.core.squareRoot(I)
    super(runtime, 'inFeatures', {
      type: 'Linear',
      options: { inFeatures: I, outFeatures: O, bias },
      layers: [[sizeCell(linearCell({ bias }), { I, O })]],
      boundOf: () => bound,
    })
    this.inFeatures = I
    this.outFeatures = O
  }
}
