/** What modules without an unrolling have in common: their options of forward, and where results and tapes go. */
import { expectBoolean, expectOptions } from '../runtime/check.ts'
import type { Shape, Tensor } from '../runtime/tensor.ts'
import { expectLengths } from './lengths.ts'
import { FORWARD_OPTIONS, type ForwardOptions, type ForwardResult, type Module } from './module.ts'
import { Tape } from './tape.ts'
import type { Workspace } from './workspace.ts'

export interface RecordOptions {
  readonly tape: boolean
  readonly keep: boolean
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
  expectOptions(who, options, FORWARD_OPTIONS)
  const keep = expectBoolean(who, 'keep', options.keep ?? false)
  const tape = expectBoolean(who, 'tape', options.tape ?? (module.training || keep))
  const [steps, batch] = batchFirst ? [axes[1]!, axes[0]!] : [axes[0]!, axes[1]!]
  return { tape, keep, lengths: expectLengths(who, options.lengths, { steps, batch }) }
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

  /** Computes a result of the shape, and records `data` as the options say. */
  record(
    shape: Shape,
    { tape, keep }: RecordOptions,
    data: Data,
    compute: (output: Tensor) => Omit<ForwardResult, 'output'> | void,
  ): ForwardResult {
    if (keep) {
      const { tensor, giveBack } = this.#output.lend(shape)
      this.last = undefined
      return { output: tensor, ...compute(tensor), tape: new Tape(this.#module, data, giveBack) }
    }
    const output = this.#output.take(shape)
    const rest = compute(output)
    this.last = tape ? new Tape(this.#module, data) : undefined
    return { output, ...rest }
  }
}
