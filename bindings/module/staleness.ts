import type { ParameterBlock } from './parameters.ts'

/** Which programs have computed what follows from parameters alone (packed weights, say) since these last changed. */
export class Staleness {
  readonly #block: ParameterBlock
  readonly #computedAt = new Map<unknown, number>()

  constructor(block: ParameterBlock) {
    this.#block = block
  }

  isStale(program: unknown): boolean {
    return this.#computedAt.get(program) !== this.#block.version
  }

  /** Whether it was stale; it is taken to compute all anew now. */
  refresh(program: unknown): boolean {
    if (!this.isStale(program)) return false
    this.#computedAt.set(program, this.#block.version)
    return true
  }
}
