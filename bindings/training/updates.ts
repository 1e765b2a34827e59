import type { Module } from '../module/module.ts'
import { fail } from '../runtime/check.ts'
import type { Tensor } from '../runtime/tensor.ts'
import { Accumulation } from './accumulation.ts'
import type { FitOptions } from './fit-options.ts'
import type { Loss } from './losses/loss.ts'
import { clipGradNorm, clipGradValue } from './optimizers/clip.ts'
import { type Place, nameOf } from './place.ts'

/**
 * From gradients to updates of the weights: those of `accumulate` portions, or of what is left of an epoch, become that of their mean
 * loss, are clipped, and are followed by one update.
 */
export class Updates {
  readonly #model: Module
  readonly #options: FitOptions
  readonly #accumulate: number
  readonly #group: Accumulation
  /** Portions since the last update. */
  #portions = 0

  constructor(model: Module, options: FitOptions, accumulate: number) {
    this.#model = model
    this.#options = options
    this.#accumulate = accumulate
    this.#group = new Accumulation(model.runtime)
  }

  /** Before a portion's gradients are added up. */
  before(): void {
    if (this.#portions > 0) return
    this.#model.zeroGrad()
    this.#group.begin()
  }

  /** The gradient that a portion gives back. */
  gradientOf(loss: Loss, divisor: number): Tensor {
    return this.#group.take(loss, divisor)
  }

  /** After that. @returns whether an update was left out, its gradient not being finite */
  after(place: Place): boolean {
    this.#portions++
    return (place.index + 1) % this.#accumulate === 0 && this.#update(place)
  }

  /** After an epoch's last portion: an update for those that were left over. @returns the same */
  finish(place: Place): boolean {
    return this.#portions > 0 && this.#update(place)
  }

  dispose(): void {
    this.#group.dispose()
  }

  #update(place: Place): boolean {
    const { clip, optimizer, onNonFinite = 'throw' } = this.#options
    this.#portions = 0
    if (this.#group.isEmpty) return false
    this.#average()
    const norm = clipGradNorm(this.#model, clip && 'norm' in clip ? clip.norm : Infinity)
    if (!Number.isFinite(norm)) {
      if (onNonFinite === 'skip') return true
      const remedy = "Clip gradients, or use onNonFinite: 'skip'"
      fail('non-finite', `fit: a gradient is not finite at ${nameOf(place)}; no update was made. ${remedy}`)
    }
    if (clip && 'value' in clip) clipGradValue(this.#model, clip.value)
    optimizer.step()
    return false
  }

  #average(): void {
    const { divisor } = this.#group
    if (divisor === 1) return
    for (const { runtime, elements, grads } of this.#model.blocks())
      runtime.core.scaleBlock(elements, 1 / divisor, grads.address)
  }
}
