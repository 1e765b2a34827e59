/** An input taken apart in time, and the states on the way. */
import { inMode } from '../module/mode.ts'
import type { Input } from '../module/options.ts'
import { type NamedStates, type State, mapStates } from '../module/state.ts'
import type { Tensor } from '../runtime/tensor.ts'
import type { Unrolled } from '../unroll/unrolled.ts'
import { disposeTensors, repeatSamples } from './tensors.ts'

export class Trajectory {
  readonly steps: number
  readonly batch: number
  readonly #module: Unrolled
  readonly #inputs: Readonly<Record<string, Tensor>>
  readonly #state: State | undefined
  readonly #batchFirst: boolean
  readonly #copies: Tensor[] = []

  constructor(who: string, module: Unrolled, input: Input, state: State | undefined) {
    const { inputs, shape } = module.expectInput(who, input)
    module.checkState(who, state, shape.batch)
    const names = [...module.stack.layers[0]!.sized.inputs.keys()]
    this.#module = module
    this.#state = state
    this.#batchFirst = shape.batchFirst
    this.#inputs = Object.fromEntries(inputs.map((tensor, i) => [names[i]!, this.#own(tensor)]))
    ;[this.steps, this.batch] = [shape.steps, shape.batch]
  }

  /**
   * What `see` makes of this trajectory, which ends then. Without dropout: it is taken apart and repeated, and draws that depend on step
   * and row would not stay the same.
   */
  look<Seen>(see: (trajectory: Trajectory) => Seen): Seen {
    try {
      return inMode(this.#module, false, () => see(this))
    } finally {
      for (const copy of this.#copies) copy.dispose()
    }
  }

  /** Steps [from, to), each sample `count` times; the caller's. */
  slice(from: number, to: number, count: number): Record<string, Tensor> {
    return Object.fromEntries(
      Object.entries(this.#inputs).map(([name, tensor]) => {
        const part = this.#cut(tensor, from, to)
        const repeated = repeatSamples(part, this.#batchFirst ? 0 : 1, count)
        part.dispose()
        return [name, repeated]
      }),
    )
  }

  /** The states before step `from` (counted from 0), pasts included; the caller's. */
  stateAt(from: number): NamedStates {
    const given = this.#complete()
    if (from === 0) return given
    const last = this.stateAfter(0, from, given)
    disposeTensors(given)
    return last
  }

  /** The states after steps [from, to); the caller's. */
  stateAfter(from: number, to: number, before: NamedStates): NamedStates {
    const input = this.slice(from, to, 1)
    const { callCount } = this.#module
    const { state } = this.#module.forward(input, { state: before, tape: false })
    this.#module.callCount = callCount
    disposeTensors(input)
    return mapStates(state as NamedStates, (tensor) => tensor.copy())
  }

  /** Copies, with every past spelt out: what is not given repeats the first state. */
  #complete(): Record<string, Tensor> {
    const whole = this.#module.initialState(this.batch) as Record<string, Tensor>
    const { states } = this.#module.stack
    const { core, elementBytes } = this.#module.runtime
    const given = (this.#state ?? {}) as NamedStates
    for (const [name, tensor] of Object.entries(whole)) {
      const own = given[name]
      const source = own ?? given[states.stateOf(name)]
      if (source === undefined) continue
      const bytes = source.size * elementBytes
      for (let at = 0; at < tensor.size; at += source.size)
        core.copyBytes(tensor.address + at * elementBytes, source.address, bytes)
    }
    return whole
  }

  /** A result of the module that is handed in is copied: forward runs again and again. */
  #own(tensor: Tensor): Tensor {
    if (!this.#module.owns(tensor.storage)) return tensor
    const copy = tensor.copy()
    this.#copies.push(copy)
    return copy
  }

  #cut(tensor: Tensor, from: number, to: number): Tensor {
    const { runtime, shape } = tensor
    const n = shape[2]!
    const { core, elementBytes } = runtime
    const part = runtime.emptyTensor(this.#batchFirst ? [this.batch, to - from, n] : [to - from, this.batch, n])
    const step = n * elementBytes
    if (this.#batchFirst) {
      const [bytes, stride] = [(to - from) * step, this.steps * step]
      core.copyRows(this.batch, bytes, tensor.address + from * step, stride, part.address, bytes)
    } else {
      core.copyBytes(part.address, tensor.address + from * this.batch * step, (to - from) * this.batch * step)
    }
    return part
  }
}
