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
  /** Portions that count since the last update. */
  #portions = 0
  /** Are the gradients those of a group before? */
  #isNew = true

  constructor(model: Module, options: FitOptions, accumulate: number) {
    this.#model = model
    this.#options = options
    this.#accumulate = accumulate
    this.#group = new Accumulation(model.runtime, (factor) => this.#scale(factor))
  }

  /** An epoch begins, or goes on behind so many portions. */
  begin(before: number): void {
    this.#portions = before % this.#accumulate
    this.#open()
  }

  /** The gradient that a portion gives back, which counts. */
  gradientOf(loss: Loss, divisor: number): Tensor {
    if (this.#isNew) this.#model.zeroGrad()
    this.#isNew = false
    this.#portions++
    return this.#group.take(loss, divisor)
  }

  /** After that. @returns whether an update was left out, its gradient not being finite */
  after(place: Place): boolean {
    return this.#portions === this.#accumulate && this.#update(place)
  }

  /** After an epoch's last portion: an update for those that were left over. @returns the same */
  finish(place: Place): boolean {
    return this.#portions > 0 && this.#update(place)
  }

  dispose(): void {
    this.#group.dispose()
  }

  #update(place: Place): boolean {
    this.#portions = 0
    if (this.#group.isEmpty) return false
    if (this.#group.divisor !== 1) this.#scale(1 / this.#group.divisor)
    const isMade = this.#step(place)
    this.#open()
    return !isMade
  }

  /** @returns whether there was an update */
  #step(place: Place): boolean {
    const { clip, optimizer, onNonFinite = 'throw' } = this.#options
    const norm = clipGradNorm(this.#model, clip && 'norm' in clip ? clip.norm : Infinity)
    if (!Number.isFinite(norm)) {
      if (onNonFinite === 'skip') return false
      const remedy = "Clip gradients, or use onNonFinite: 'skip'"
      fail('non-finite', `fit: a gradient is not finite at ${nameOf(place)}; no update was made. ${remedy}`)
    }
    if (clip && 'value' in clip) clipGradValue(this.#model, clip.value)
    optimizer.step()
    return true
  }

  /** The next group begins; until its first portion the gradients of the last one can be read. */
  #open(): void {
    this.#isNew = true
    this.#group.begin()
  }

  #scale(factor: number): void {
    for (const { runtime, elements, grads } of this.#model.blocks())
      runtime.core.scaleBlock(elements, factor, grads.address)
  }
}
