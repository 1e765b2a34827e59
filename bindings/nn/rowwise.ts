import { expectShape, fail, shapeText } from '../runtime/check.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Tensor } from '../runtime/tensor.ts'
import type { CallShape } from './stack.ts'
import { Unrolled, type UnrolledOptions } from './unrolled.ts'

/** A cell without state, applied to every row of [T, B, n] (either order of the leading axes) or of [B, n]. */
export abstract class Rowwise extends Unrolled {
  readonly #columns: number
  readonly #option: string

  /** @param option the option that says how many columns a row has, for messages */
  constructor(runtime: Runtime, option: string, options: UnrolledOptions) {
    super(runtime, options)
    this.#columns = [...options.layers[0]![0]!.inputs.values()][0]!
    this.#option = option
  }

  override get batchFirst(): undefined {
    return undefined
  }

  protected override callShape(who: string, [input]: readonly Tensor[]): CallShape {
    const { shape } = input!
    const n = this.#columns
    if (shape.length !== 2 && shape.length !== 3) {
      fail('shape', `${who}: input is ${shapeText(shape)}; expected [T, B, ${n}] or [B, ${n}]`)
    }
    expectShape(who, 'input', shape, shape.length === 2 ? ['B', n] : ['T', 'B', n], `${this.#option} is ${n}`)
    const leading = shape.slice(0, -1)
    if (leading.includes(0)) fail('shape', `${who}: input is ${shapeText(shape)}; expected no empty axis`)
    return { steps: leading.length === 2 ? leading[0]! : 1, batch: leading.at(-1)!, leading }
  }
}
