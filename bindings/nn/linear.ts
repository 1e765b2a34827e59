import { linearCell } from '../cells/linear.ts'
import { sizeCell } from '../program/trace.ts'
import { expectBoolean, expectOptions, expectPositive, expectShape, fail, shapeText } from '../runtime/check.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Tensor } from '../runtime/tensor.ts'
import type { CallShape } from './calls.ts'
import { Unrolled } from './unrolled.ts'

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
export class Linear extends Unrolled {
  readonly inFeatures: number
  readonly outFeatures: number

  constructor(runtime: Runtime, options: LinearOptions) {
    expectOptions('Linear', options, ['inFeatures', 'outFeatures', 'bias'])
    const I = expectPositive('Linear', 'inFeatures', options.inFeatures)
    const O = expectPositive('Linear', 'outFeatures', options.outFeatures)
    const bias = expectBoolean('Linear', 'bias', options.bias ?? true)
    const bound = 1 / runtime.core.squareRoot(I)
    super(runtime, { layers: [sizeCell(linearCell({ bias }), { I, O })], boundOf: () => bound })
    this.inFeatures = I
    this.outFeatures = O
  }

  protected override callShape(who: string, [input]: readonly Tensor[]): CallShape {
    const { shape } = input!
    if (shape.length !== 2 && shape.length !== 3) {
      fail(
        'shape',
        `${who}: input is ${shapeText(shape)}; expected [T, B, ${this.inFeatures}] or [B, ${this.inFeatures}]`,
      )
    }
    const pattern = shape.length === 2 ? ['B', this.inFeatures] : ['T', 'B', this.inFeatures]
    expectShape(who, 'input', shape, pattern, `inFeatures is ${this.inFeatures}`)
    const leading = shape.slice(0, -1)
    if (leading.includes(0)) fail('shape', `${who}: input is ${shapeText(shape)}; expected no empty axis`)
    return { steps: leading.length === 2 ? leading[0]! : 1, batch: leading.at(-1)!, leading }
  }
}
