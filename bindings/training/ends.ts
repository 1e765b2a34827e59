import type { Module } from '../module/module.ts'
import { shapeText } from '../runtime/check.ts'
import type { Tensor } from '../runtime/tensor.ts'
import type { SampleAxis } from './data/axes.ts'
import { GrowingMemory } from './data/growing-memory.ts'
import { copySteps, withSteps } from './data/steps.ts'

/** The last steps of outputs, and gradients by outputs that are 0 before their last steps. */
export class Ends {
  readonly #gradient: GrowingMemory
  readonly #isWhole: boolean
  /** By shape: a loss keeps its gradient by the very tensor that it was given. */
  readonly #cuts = new Map<string, Tensor>()

  /** @param isWhole a window is its last steps */
  constructor({ runtime }: Module, isWhole: boolean) {
    this.#isWhole = isWhole
    this.#gradient = new GrowingMemory(runtime, 'fit: the gradient by the output')
  }

  cut(output: Tensor, axis: SampleAxis, steps: number): Tensor {
    const { runtime, shape } = output
    if (this.#isWhole) return output
    const all = shape[1 - axis]!
    const own = withSteps(shape, axis, steps)
    let end = this.#cuts.get(shapeText(own))
    if (end === undefined) this.#cuts.set(shapeText(own), (end = runtime.emptyTensor(own)))
    copySteps(axis, steps, { tensor: output, at: all - steps }, { tensor: end, at: 0 })
    return end
  }

  extend(gradient: Tensor, axis: SampleAxis, steps: number): Tensor {
    const { runtime, shape, kind } = gradient
    const own = shape[1 - axis]!
    if (own === steps) return gradient
    const whole = this.#gradient.take(withSteps(shape, axis, steps), kind)
    runtime.core.zeroBytes(whole.address, whole.size * runtime.elementBytes)
    copySteps(axis, own, { tensor: gradient, at: 0 }, { tensor: whole, at: steps - own })
    return whole
  }

  dispose(): void {
    this.#gradient.dispose()
    for (const end of this.#cuts.values()) end.dispose()
  }
}
