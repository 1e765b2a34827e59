/** Gradients of several portions as that of their losses in one. */
import type { Runtime } from '../runtime/runtime.ts'
import type { Tensor } from '../runtime/tensor.ts'
import { GrowingMemory } from './data/growing-memory.ts'
import type { Loss } from './losses/loss.ts'

/** Means weigh as much as what they were divided by; sums add. One group of portions after the other. */
export class Accumulation {
  readonly #scaled: GrowingMemory
  /** What the first mean of the group was divided by. */
  #first = 0
  /** Of all means of the group, in units of the first. */
  #means = 0
  #isEmpty = true

  constructor(runtime: Runtime) {
    this.#scaled = new GrowingMemory(runtime, 'fit: the gradient by the output')
  }

  begin(): void {
    this.#first = 0
    this.#means = 0
    this.#isEmpty = true
  }

  /** A portion's gradient as a part of the group's. @param divisor of its loss, > 0 */
  take({ grad, reduction }: Loss, divisor: number): Tensor {
    this.#isEmpty = false
    if (reduction === 'sum') return grad
    if (this.#first === 0) this.#first = divisor
    const weight = divisor / this.#first
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

  /** A loss's own gradient is not written to. */
  #scale(grad: Tensor, weight: number): Tensor {
    const { core, elementBytes } = grad.runtime
    const scaled = this.#scaled.take(grad.shape, 'float')
    core.zeroBytes(scaled.address, scaled.size * elementBytes)
    core.addScaled(grad.size, weight, grad.address, scaled.address)
    return scaled
  }
}
