import type { Entry } from '../program/entry.ts'
import type { Runtime } from '../runtime/runtime.ts'

const FLOAT64_BYTES = 8
const WORD_BYTES = 4

/** Squares of norms by time step, added up in float64 in the core. */
export class Squares {
  readonly #runtime: Runtime
  readonly #steps: number
  readonly #sums

  constructor(runtime: Runtime, steps: number) {
    this.#runtime = runtime
    this.#steps = steps
    this.#sums = runtime.heap.allocateZeros(steps * FLOAT64_BYTES, 'norms by step')
  }

  /** Of `elements` numbers at each step, `stride` bytes apart. */
  addSteps(elements: number, stride: number, address: number): void {
    this.#runtime.core.addStepSquares(this.#steps, elements, stride, address, this.#sums.address)
  }

  /** <aᵀ b, cᵀ d> of the rows of each step: see assembly/ops/norms.ts. */
  addProducts(
    rows: number,
    m: number,
    n: number,
    a: Entry | undefined,
    b: Entry,
    c: Entry | undefined,
    d: Entry,
  ): void {
    const flat = [a, b, c, d].flatMap((entry) => (entry ? [entry.base, entry.stride] : [0, 0]))
    this.#runtime.core.addOuterProducts(
      this.#steps,
      rows,
      m,
      n,
      ...(flat as [number, number, number, number, number, number, number, number]),
      this.#sums.address,
    )
  }

  /** ‖aᵀ b‖² of the rows of each step, for several b with sums of their own. */
  static addShared(
    runtime: Runtime,
    [steps, rows]: readonly [number, number],
    a: { at: Entry; columns: number },
    shares: readonly { b: Entry; columns: number; into: Squares }[],
  ): void {
    const words = shares.flatMap(({ b, columns, into }) => [b.base, b.stride, columns, into.#sums.address])
    const table = runtime.heap.allocate(words.length * WORD_BYTES, 'factors of gradients')
    runtime.heap.words.set(words, table.address >>> 2)
    runtime.core.addSharedProducts(steps, rows, a.columns, a.at.base, a.at.stride, shares.length, table.address)
    table.dispose()
  }

  /** Their roots; ends this object. */
  roots(): Float64Array {
    this.#runtime.core.takeRoots(this.#steps, this.#sums.address)
    const roots = new Float64Array(this.#runtime.heap.buffer, this.#sums.address, this.#steps).slice()
    this.#sums.dispose()
    return roots
  }
}
