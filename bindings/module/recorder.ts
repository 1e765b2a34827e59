/** What modules without an unrolling have in common: their options of forward, and where results and tapes go. */
import type { Shape, Tensor } from '../runtime/tensor.ts'
import { expectLengths } from './lengths.ts'
import type { Module } from './module.ts'
import { type ForwardOptions, type ForwardResult, type TapeChoice, expectForwardOptions } from './options.ts'
import { Tape, keptWith } from './tape.ts'
import type { Workspace } from './workspace.ts'

export interface RecordOptions extends TapeChoice {
  readonly lengths: Int32Array | undefined
}

/**
 * The options of a forward that unrolls nothing. Truncation and checkpoints say nothing to it.
 *
 * @param axes of the input; lengths need [T, B, …], or [B, T, …] where the batch is first
 */
export function expectRecordOptions(
  who: string,
  module: Module,
  options: ForwardOptions,
  axes: Shape,
  batchFirst: boolean,
): RecordOptions {
  const recording = expectForwardOptions(who, options, module.training)
  const [steps, batch] = batchFirst ? [axes[1]!, axes[0]!] : [axes[0]!, axes[1]!]
  return { ...recording, lengths: expectLengths(who, options.lengths, { steps, batch }) }
}

/** A module's last tape, and the memory of its results. */
export class Recorder<Data> {
  last: Tape<Data> | undefined
  readonly #module: Module
  readonly #output: Workspace

  constructor(module: Module, output: Workspace) {
    this.#module = module
    this.#output = output
  }

  /**
   * Computes a result of the shape, and records `data` as the options say.
   *
   * @param release gives back what a kept tape's data hold
   */
  record(
    shape: Shape,
    { tape, keep }: RecordOptions,
    data: Data,
    compute: (output: Tensor) => Omit<ForwardResult, 'output'> | void,
    release?: () => void,
  ): ForwardResult {
    if (keep) return this.#keep(shape, data, compute, release)
    const output = this.#output.take(shape)
    const rest = compute(output)
    this.last = tape ? new Tape(this.#module, data) : undefined
    return { output, ...rest }
  }

  #keep(
    shape: Shape,
    data: Data,
    compute: (output: Tensor) => Omit<ForwardResult, 'output'> | void,
    release: (() => void) | undefined,
  ): ForwardResult {
    try {
      const { tensor, giveBack } = this.#output.lend(shape)
      const result = { output: tensor, ...compute(tensor) }
      this.last = undefined
      return keptWith(new Tape(this.#module, data, () => (giveBack(), release?.())), result)
    } catch (error) {
      release?.()
      throw error
    }
  }
}
