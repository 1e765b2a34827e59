import { expectCheckpointing } from '../module/checkpointing.ts'
import { type ForwardOptions, type ForwardResult, type Input, expectForwardOptions } from '../module/options.ts'
import { expectTruncation } from '../module/truncation.ts'
import { expectShape, fail, shapeText } from '../runtime/check.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Tensor } from '../runtime/tensor.ts'
import type { UnrolledOptions } from '../unroll/layers.ts'
import type { CallShape } from '../unroll/stack.ts'
import { Unrolled } from '../unroll/unrolled.ts'

/** A cell without state, applied to every row of [T, B, n] (either order of the leading axes) or of [B, n]. */
export abstract class Rowwise extends Unrolled {
  readonly #columns: number
  readonly #option: string
  #followsBatch = false

  /** @param option the option that says how many columns a row has, for messages */
  constructor(runtime: Runtime, option: string, options: UnrolledOptions) {
    super(runtime, options)
    this.#columns = [...options.layers[0]![0]!.inputs.values()][0]!
    this.#option = option
  }

  override get batchFirst(): undefined {
    return undefined
  }

  override followOrder(batchFirst: boolean): void {
    this.#followsBatch = batchFirst
  }

  /** Rows need no unrolling: truncation and checkpoints say nothing to them. */
  override forward(input: Input, given: ForwardOptions = {}): ForwardResult {
    const who = `${this.type}.forward`
    expectForwardOptions(who, given, this.training)
    const { truncation, checkpoint, ...options } = given
    if (truncation !== undefined) expectTruncation(who, truncation)
    expectCheckpointing(who, checkpoint)
    return super.forward(input, options)
  }

  /** Without lengths either order of the leading axes is as good as the other. */
  protected override callShape(who: string, [input]: readonly Tensor[], hasLengths: boolean): CallShape {
    const { shape } = input!
    const n = this.#columns
    if (shape.length !== 2 && shape.length !== 3) {
      fail('shape', `${who}: input is ${shapeText(shape)}; expected [T, B, ${n}] or [B, ${n}]`)
    }
    expectShape(who, 'input', shape, shape.length === 2 ? ['B', n] : ['T', 'B', n], `${this.#option} is ${n}`)
    const leading = shape.slice(0, -1)
    if (leading.includes(0)) fail('shape', `${who}: input is ${shapeText(shape)}; expected no empty axis`)
    if (leading.length === 1) return { steps: 1, batch: leading[0]!, leading, batchFirst: false }
    const batchFirst = hasLengths && this.#followsBatch
    const [steps, batch] = batchFirst ? [leading[1]!, leading[0]!] : [leading[0]!, leading[1]!]
    return { steps, batch, leading, batchFirst }
  }
}
