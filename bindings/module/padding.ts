import type { Runtime } from '../runtime/runtime.ts'
import type { Tensor } from '../runtime/tensor.ts'
import { writeLengths } from './lengths.ts'
import { Workspace } from './workspace.ts'

/** Samples' lengths in the core's memory, for modules that tell padding by themselves. */
export class Padding {
  readonly #runtime: Runtime
  readonly #lengths: Workspace

  constructor(runtime: Runtime, who: string) {
    this.#runtime = runtime
    this.#lengths = new Workspace(runtime, who)
  }

  /** Their address. */
  place(lengths: Int32Array): number {
    const { address } = this.#lengths.take([lengths.length])
    writeLengths(this.#runtime, address, lengths)
    return address
  }

  /** Zeros past each sample's end in [T, B, …], or [B, T, …] where the batch is first; nothing without lengths. */
  clear(tensor: Tensor, lengths: Int32Array | undefined, batchFirst: boolean): void {
    if (lengths === undefined) return
    const [first, second] = tensor.shape as [number, number]
    const [steps, batch] = batchFirst ? [second, first] : [first, second]
    const bytes = (tensor.size / (first * second)) * this.#runtime.bytesOf(tensor.kind)
    this.#runtime.core.clearPadding(steps, batch, bytes, Number(batchFirst), this.place(lengths), tensor.address)
  }

  dispose(): void {
    this.#lengths.dispose()
  }
}
