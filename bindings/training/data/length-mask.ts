/** Samples of different lengths: how many steps of each hold data. */
import { Padding } from '../../module/padding.ts'
import { Workspace } from '../../module/workspace.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Tensor } from '../../runtime/tensor.ts'
import type { SampleAxis } from './axes.ts'
import type { Span } from './steps.ts'

/** How many of the steps [from, to) each sample has. */
export const lengthsWithin = (lengths: Int32Array, { from, to }: Span): Int32Array =>
  lengths.map((length) => Math.max(0, Math.min(length, to) - from))

/** Masks from lengths, each written over the one before it. */
export class LengthMask {
  readonly #runtime: Runtime
  readonly #mask: Workspace
  readonly #lengths: Padding

  constructor(runtime: Runtime) {
    this.#runtime = runtime
    this.#mask = new Workspace(runtime, 'lengths')
    this.#lengths = new Padding(runtime, 'lengths')
  }

  /** [T, B], or [B, T] where samples are the first axis: 1 for t < length, else 0. */
  of(lengths: Int32Array, steps: number, axis: SampleAxis): Tensor {
    const batch = lengths.length
    const mask = this.#mask.take(axis === 1 ? [steps, batch] : [batch, steps])
    this.#runtime.core.lengthMask(steps, batch, 1 - axis, this.#lengths.place(lengths), mask.address)
    return mask
  }

  dispose(): void {
    this.#mask.dispose()
    this.#lengths.dispose()
  }
}
