import type { Entry } from '../program/plan.ts'
import type { Runtime } from '../runtime/runtime.ts'

const FLOAT64_BYTES = 8

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

  /** Their roots; ends this object. */
  roots(): Float64Array {
    this.#runtime.core.takeRoots(this.#steps, this.#sums.address)
    const roots = new Float64Array(this.#runtime.heap.buffer, this.#sums.address, this.#steps).slice()
    this.#sums.dispose()
    return roots
  }
}
