/** Gradients on their way from step to step, where a sweep moves all of them at once. */
import type { Value } from '../program/operation.ts'
import type { Allocation } from '../runtime/heap.ts'
import type { BackwardCall } from '../unroll/backward-call.ts'
import type { Recording } from './recording.ts'

/** A state's gradient between two steps: what arrives at one, what it sends `lag` steps back. */
export interface Carry {
  readonly lag: number
  readonly columns: number
  readonly arriving: Value
  readonly sent: Value
}

/** What one carry sent in the last sweeps: [sweeps][lag + T + lag steps] with zeros where there is no step. */
export class Ring {
  readonly layer: number
  readonly #carry: Carry
  readonly #reversed: boolean
  readonly #recording: Recording
  readonly #slots: number
  readonly #stride: number
  readonly #bytes: number
  readonly #memory: Allocation

  constructor(recording: Recording, layer: number, carry: Carry, byHops: boolean) {
    const { steps, batch, module, stack } = recording
    this.layer = layer
    this.#carry = carry
    this.#recording = recording
    this.#reversed = stack.layers[layer]!.reversed
    this.#slots = (byHops ? 1 : carry.lag) + 1
    this.#stride = batch * carry.columns * module.runtime.elementBytes
    this.#bytes = (steps + 2 * carry.lag) * this.#stride
    this.#memory = module.runtime.heap.allocateZeros(this.#slots * this.#bytes, 'gradients on their way')
  }

  /** What arrives at step t was sent at step t + lag (t - lag in a reverse direction), `lag` sweeps ago (one, counted by hops). */
  point(plan: BackwardCall['plan'], unit: number, sweep: number, byHops: boolean): void {
    const { lag, arriving, sent } = this.#carry
    const ago = byHops ? 1 : lag
    const at = (index: number) => this.#memory.address + (index % this.#slots) * this.#bytes + lag * this.#stride
    // a ring not yet filled holds zeros
    plan.point(unit, arriving, at(sweep + this.#slots - ago) + (this.#reversed ? -lag : lag) * this.#stride)
    plan.point(unit, sent, at(sweep))
  }

  /** Ends the ways of a sweep: a reverse direction starts at each sample's own end, and what is sent there goes to the initial state. */
  close(sweep: number): void {
    const { steps, batch, module, data } = this.#recording
    if (!this.#reversed || data.call.lengths === 0) return
    const row = this.#stride / batch
    const zeros = this.#memory.address
    const slot = zeros + (sweep % this.#slots) * this.#bytes + this.#carry.lag * this.#stride
    const lengths = module.runtime.heap.words.slice(data.call.lengths >>> 2, (data.call.lengths >>> 2) + batch)
    for (const [sample, length] of lengths.entries()) {
      const from = Math.max(0, length - this.#carry.lag)
      const place = slot + from * this.#stride + sample * row
      module.runtime.core.copyRows(steps - from, row, zeros, 0, place, this.#stride)
    }
  }

  dispose(): void {
    this.#memory.dispose()
  }
}
