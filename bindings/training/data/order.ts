import type { Runtime } from '../../runtime/runtime.ts'
import type { Tensor } from '../../runtime/tensor.ts'
import type { Chosen } from './gatherer.ts'

/** Keeps these draws apart from those of initial values. */
const SHUFFLE_STREAM = 0x7f17

/** An order of n samples: as they come; with a seed a random one in each epoch, a function of both. */
export class Order {
  readonly #runtime: Runtime
  readonly #indices: Tensor
  readonly #seed: number | undefined

  constructor(runtime: Runtime, n: number, seed: number | undefined) {
    this.#runtime = runtime
    this.#indices = runtime.idTensor(Int32Array.from({ length: n }, (_, i) => i))
    this.#seed = seed
  }

  /** Puts the epoch's order in place of the one before. */
  begin(epoch: number): void {
    if (this.#seed === undefined) return
    const [low, high] = [this.#seed >>> 0, Math.floor(this.#seed / 2 ** 32)]
    this.#runtime.core.shuffle(this.#indices.size, low, high, epoch, SHUFFLE_STREAM, this.#indices.address)
  }

  /** `count` entries of the order from `first` on. */
  part(first: number, count: number): Chosen {
    return { indices: this.#indices.address + first * 4, count }
  }

  dispose(): void {
    this.#indices.dispose()
  }
}
