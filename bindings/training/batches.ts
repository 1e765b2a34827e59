/** Batches of samples, gathered in the core in a random order. */
import type { Runtime } from '../runtime/runtime.ts'
import { type Tensor, sizeOf } from '../runtime/tensor.ts'

/** Picks samples into tensors of its own, one per batch size, made once. */
export class Gatherer {
  readonly #tensor: Tensor
  readonly #batches = new Map<number, Tensor>()

  constructor(tensor: Tensor) {
    this.#tensor = tensor
  }

  /** The samples along `axis` whose positions stand at `indices` (an address of 32-bit integers). */
  gather(axis: 0 | 1, indices: number, count: number): Tensor {
    const tensor = this.#tensor
    const { runtime, shape } = tensor
    let batch = this.#batches.get(count)
    if (batch === undefined)
      this.#batches.set(count, (batch = runtime.emptyTensor(shape.with(axis, count), tensor.kind)))
    const outer = sizeOf(shape.slice(0, axis))
    const rowBytes = sizeOf(shape.slice(axis + 1)) * runtime.bytesOf(tensor.kind)
    runtime.core.gatherRows(outer, shape[axis]!, count, rowBytes, indices, tensor.address, batch.address)
    return batch
  }

  dispose(): void {
    for (const batch of this.#batches.values()) batch.dispose()
  }
}

/** An order of n samples: as they come, until shuffled by (seed, epoch). */
export class Order {
  readonly #runtime: Runtime
  readonly #indices: Tensor
  readonly #seed: number

  constructor(runtime: Runtime, n: number, seed: number) {
    this.#runtime = runtime
    this.#indices = runtime.indices(Int32Array.from({ length: n }, (_, i) => i))
    this.#seed = seed
  }

  shuffle(epoch: number): void {
    const [low, high] = [this.#seed >>> 0, Math.floor(this.#seed / 2 ** 32)]
    this.#runtime.core.shuffle(this.#indices.size, low, high, epoch, STREAM, this.#indices.address)
  }

  /** Address of the order's entries from `first` on. */
  from(first: number): number {
    return this.#indices.address + first * 4
  }

  dispose(): void {
    this.#indices.dispose()
  }
}

/** Keeps these draws apart from those of initial values. */
const STREAM = 0x7f17
