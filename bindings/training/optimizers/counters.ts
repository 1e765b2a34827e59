import { describeValue, fail } from '../../runtime/check.ts'
import type { Allocation } from '../../runtime/heap.ts'
import type { Runtime } from '../../runtime/runtime.ts'

const BYTES = Float64Array.BYTES_PER_ELEMENT

/**
 * What an optimiser counts of each parameter by itself, as float64 in the core: the steps it was updated in, and products that go with
 * them (Adam's β1^t, β2^t). A parameter that was frozen for a while has counts of its own.
 */
export class Counters {
  readonly shape: readonly [parameters: number, width: number]
  readonly #runtime: Runtime
  readonly #memory: Allocation

  /** @param start of each parameter, before its first step */
  constructor(runtime: Runtime, memory: Allocation, parameters: number, start: readonly number[]) {
    this.shape = [parameters, start.length]
    this.#runtime = runtime
    this.#memory = memory
    this.write(Array.from({ length: parameters }, () => start).flat())
  }

  static bytes(parameters: number, start: readonly number[]): number {
    return parameters * start.length * BYTES
  }

  addressOf(parameter: number): number {
    return this.#memory.address + parameter * this.shape[1] * BYTES
  }

  /** Have two parameters been updated alike? */
  areEqual(a: number, b: number): boolean {
    const width = this.shape[1]
    const view = this.#view()
    for (let i = 0; i < width; i++) if (view[a * width + i] !== view[b * width + i]) return false
    return true
  }

  read(): Float64Array {
    return this.#view().slice()
  }

  write(numbers: ArrayLike<number>): void {
    this.#view().set(numbers)
  }

  /** Refuses what cannot have been counted: steps are whole; products lie in [0, 1), and are 1 before the first step. */
  expectSane(who: string, numbers: ArrayLike<number>): void {
    const width = this.shape[1]
    for (let i = 0; i < numbers.length; i++) {
      const steps = numbers[i - (i % width)]!
      const value = numbers[i]!
      const isSteps = i % width === 0
      const isSane = isSteps
        ? Number.isSafeInteger(value) && value >= 0
        : steps === 0
          ? value === 1
          : value >= 0 && value < 1
      const expected = isSteps ? 'a whole number >= 0' : 'a product in [0, 1), 1 before the first step'
      if (!isSane)
        fail('state-dict', `${who}: 'counters' holds ${describeValue(value)} at position ${i}; expected ${expected}`)
    }
  }

  #view(): Float64Array {
    return new Float64Array(this.#runtime.heap.buffer, this.#memory.address, this.shape[0] * this.shape[1])
  }
}
