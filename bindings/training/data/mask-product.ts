/** The one mask that a loss gets: the product of all that weighs its terms. */
import { fail, shapeText } from '../../runtime/check.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { type Shape, type Tensor, sizeOf } from '../../runtime/tensor.ts'
import { type SampleAxis, hasTime } from './axes.ts'
import { GrowingMemory } from './growing-memory.ts'

/** Weights of a loss's terms, of the first axes of the model's output; or, beside an output with time, one for each sample. */
export interface Factor {
  /** What messages call it. */
  readonly name: string
  readonly tensor: Tensor
}

/** Masks, each written over the one before it. */
export class MaskProduct {
  readonly #memory: GrowingMemory

  constructor(runtime: Runtime) {
    this.#memory = new GrowingMemory(runtime, 'a mask')
  }

  /** @param axis along which the samples of an output with time lie */
  of(factors: readonly Factor[], output: Tensor, axis: SampleAxis): Tensor | undefined {
    if (factors.length === 0) return undefined
    const isPerSample = ({ tensor }: Factor) => hasTime(output) && tensor.shape.length === 1
    const [first, ...others] = factors
    if (others.length === 0 && !isPerSample(first!)) return first!.tensor
    const shapes = factors.map((factor) => (isPerSample(factor) ? output.shape.slice(0, 2) : factor.tensor.shape))
    const shape = shapes.reduce((a, b) => (b.length > a.length ? b : a))
    const mask = this.#memory.take(shape, 'float')
    output.runtime.core.openMask(mask.size, mask.address)
    for (const factor of factors) {
      const strides = isPerSample(factor) ? [1 - axis, axis, 0] : stridesOf(factor, shape, output)
      weigh(mask, factor, strides)
    }
    return mask
  }

  dispose(): void {
    this.#memory.dispose()
  }
}

/** All axes from the third on count as one. */
const threeAxes = (shape: Shape): [number, number, number] => [shape[0] ?? 1, shape[1] ?? 1, sizeOf(shape.slice(2))]

/** @param shape of the product */
function stridesOf({ name, tensor }: Factor, shape: Shape, output: Tensor): readonly number[] {
  const own = tensor.shape
  if (!own.every((size, i) => size === output.shape[i]))
    fail('shape', `${name} is ${shapeText(own)}; expected the first axes of the output's ${shapeText(output.shape)}`)
  const [, b, c] = threeAxes(shape)
  if (own.length === shape.length) return [b * c, c, 1]
  if (own.length > 2) fail('shape', `${name} is ${shapeText(own)}; expected ${shapeText(shape)}, as the other one is`)
  return own.length === 2 ? [b, 1, 0] : [1, 0, 0]
}

function weigh(mask: Tensor, { name, tensor }: Factor, [aStride, bStride, cStride]: readonly number[]): void {
  const { core } = mask.runtime
  const [a, b, c] = threeAxes(mask.shape)
  const bad = core.weighMask(a, b, c, aStride!, bStride!, cStride!, tensor.address, mask.address)
  if (bad >= 0) fail('range', `${name} holds ${tensor.data[bad]}; expected finite weights >= 0`)
}
