import type { Module } from '../module/module.ts'
import { fail } from '../runtime/check.ts'
import type { FitOptions } from './fit-options.ts'
import { clipGradNorm, clipGradValue } from './optimizers/clip.ts'
import { type Place, nameOf } from './place.ts'

/** From gradients to updates of the weights: those of `accumulate` portions are averaged, clipped, and followed by one update. */
export class Updates {
  readonly #model: Module
  readonly #options: FitOptions
  readonly #accumulate: number

  constructor(model: Module, options: FitOptions, accumulate: number) {
    this.#model = model
    this.#options = options
    this.#accumulate = accumulate
  }

  /** Before a portion's gradients are added up. */
  before({ index }: Place): void {
    if (index % this.#accumulate === 0) this.#model.zeroGrad()
  }

  /** After that. */
  after(place: Place): void {
    if ((place.index + 1) % this.#accumulate === 0) this.#update(place)
  }

  /** After an epoch's last portion: an update for those that were left over. */
  finish(place: Place): void {
    if ((place.index + 1) % this.#accumulate !== 0) this.#update(place)
  }

  #update(place: Place): void {
    const { clip, optimizer, onNonFinite = 'throw' } = this.#options
    if (this.#accumulate > 1) this.#average()
    const norm = clipGradNorm(this.#model, clip && 'norm' in clip ? clip.norm : Infinity)
    if (!Number.isFinite(norm)) {
      if (onNonFinite === 'skip') return
      const remedy = "Clip gradients, or use onNonFinite: 'skip'"
      fail('non-finite', `fit: a gradient is not finite at ${nameOf(place)}; no update was made. ${remedy}`)
    }
    if (clip && 'value' in clip) clipGradValue(this.#model, clip.value)
    optimizer.step()
  }

  /** The gradients of several portions count as one of their mean loss. */
  #average(): void {
    for (const { runtime, elements, grads } of this.#model.blocks())
      runtime.core.scaleBlock(elements, 1 / this.#accumulate, grads.address)
  }
}
