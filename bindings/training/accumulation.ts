/** Gradients of several portions as that of their losses in one. */
import type { Runtime } from '../runtime/runtime.ts'
import type { Tensor } from '../runtime/tensor.ts'
import { GrowingMemory } from './data/growing-memory.ts'
import type { Loss } from './losses/loss.ts'

/** Weights up to this cost a float32 gradient no range; with the usual batches nothing is scaled again. */
const FAR_GREATER = 2 ** 20

/** Means weigh as much as what they were divided by; sums add. One group of portions after the other. */
export class Accumulation {
  readonly #scaled: GrowingMemory
  /** What the first mean of the group was divided by, or a far greater one that came later: what weighs 1. */
  #unit = 0
  /** Of all means of the group, in its unit. */
  #means = 0
  #isEmpty = true
  /** Multiplies what has been added up so far. */
  readonly #rescale: (factor: number) => void

  constructor(runtime: Runtime, rescale: (factor: number) => void) {
    this.#rescale = rescale
    this.#scaled = new GrowingMemory(runtime, 'fit: the gradient by the output')
  }

  begin(): void {
    this.#unit = 0
    this.#means = 0
    this.#isEmpty = true
  }

  /** A portion's gradient as a part of the group's. @param divisor of its loss, > 0 */
  take({ grad, reduction }: Loss, divisor: number): Tensor {
    this.#isEmpty = false
    if (reduction === 'sum') return grad
    if (this.#unit === 0) this.#unit = divisor
    if (divisor / this.#unit > FAR_GREATER) this.#change(divisor)
    const weight = divisor / this.#unit
    this.#means += weight
    return weight === 1 ? grad : this.#scale(grad, weight)
  }

  /** Has nothing been taken that counts? */
  get isEmpty(): boolean {
    return this.#isEmpty
  }

  /** What the sum of the gradients taken is to be divided by. */
  get divisor(): number {
    return this.#means || 1
  }

  dispose(): void {
    this.#scaled.dispose()
  }

  #change(unit: number): void {
    const factor = this.#unit / unit
    this.#rescale(factor)
    this.#means *= factor
    this.#unit = unit
  }

  /** A loss's own gradient is not written to. */
  #scale(grad: Tensor, weight: number): Tensor {
    const { core, elementBytes } = grad.runtime
    const scaled = this.#scaled.take(grad.shape, 'float')
    core.zeroBytes(scaled.address, scaled.size * elementBytes)
    core.addScaled(grad.size, weight, grad.address, scaled.address)
    return scaled
  }
}
