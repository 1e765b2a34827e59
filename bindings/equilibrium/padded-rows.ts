/** Samples of different lengths: rows past a sample's end are stood in for on the way in, and 0 on the way out. */
import { writeLengths } from '../module/lengths.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Scope } from '../runtime/scope.ts'
import { Tensor } from '../runtime/tensor.ts'
import type { EquilibriumGraphs } from './graphs.ts'
import type { PassOptions } from './pass.ts'

export class PaddedRows {
  /** [T, B, …] as the caller sees it. */
  readonly output: Tensor
  /** Address of i32[B]. */
  readonly lengths: number
  /** Address of T[T, B]: 1 for each step that is a sample's own. */
  readonly mask: number
  /** Rows that are a sample's own, of the last call. */
  count = 0
  /** Samples without a step of their own, of the last call. */
  empty: readonly number[] = []
  readonly #runtime: Runtime
  readonly #sizes: { readonly steps: number; readonly batch: number }
  readonly #inputs: readonly Tensor[]
  readonly #gradient: Tensor

  constructor(scope: Scope, graphs: EquilibriumGraphs, { steps, batch, who }: PassOptions) {
    const { runtime } = scope
    const leaves = graphs.map.inputs.slice(1)
    const bytesOf = (columns: number) => steps * batch * columns * runtime.elementBytes
    const { memory, at } = scope.rooms(who, {
      inputs: leaves.map(({ columns }) => bytesOf(columns)),
      output: bytesOf(graphs.outputColumns),
      gradient: bytesOf(graphs.outputColumns),
      lengths: 4 * batch,
      mask: bytesOf(1),
    })
    const tensor = (address: number, columns: number) =>
      new Tensor(runtime, memory, address, [steps, batch, columns], 'float')
    this.#runtime = runtime
    this.#sizes = { steps, batch }
    this.#inputs = leaves.map(({ columns }, i) => tensor(at.inputs[i]!, columns))
    this.output = tensor(at.output, graphs.outputColumns)
    this.#gradient = tensor(at.gradient, graphs.outputColumns)
    ;[this.lengths, this.mask] = [at.lengths, at.mask]
  }

  /** Copies of the inputs in which each sample's last row stands in for what lies behind it. */
  takeInputs(inputs: readonly Tensor[], lengths: Int32Array): readonly Tensor[] {
    const { core, elementBytes } = this.#runtime
    const { steps, batch } = this.#sizes
    writeLengths(this.#runtime, this.lengths, lengths)
    core.lengthMask(steps, batch, 0, this.lengths, this.mask)
    this.count = lengths.reduce((sum, length) => sum + length, 0)
    this.empty = [...lengths.keys()].filter((sample) => lengths[sample] === 0)
    for (const [i, own] of this.#inputs.entries()) {
      core.copyBytes(own.address, inputs[i]!.address, own.size * elementBytes)
      core.holdPadding(steps, batch, own.shape[2]! * elementBytes, this.lengths, own.address)
    }
    return this.#inputs
  }

  giveOutput(source: number): void {
    this.#copyCleared(source, this.output)
  }

  /** Stands in at the fixed points [T, B, columns] for those of samples without steps, which backward goes through like the others. */
  holdPoints(z: number, columns: number): void {
    const { core, elementBytes } = this.#runtime
    const { steps, batch } = this.#sizes
    core.holdPadding(steps, batch, columns * elementBytes, this.lengths, z)
  }

  /** A gradient by the output without what lies behind the samples' ends. */
  takeGradient(gradient: Tensor): Tensor {
    this.#copyCleared(gradient.address, this.#gradient)
    return this.#gradient
  }

  /** Puts rows [B, columns] at each sample's last step of zeros [T, B, columns]. */
  placeAtEnds(rows: number, columns: number, sequence: number): void {
    const { core, elementBytes } = this.#runtime
    const { steps, batch } = this.#sizes
    const bytes = columns * elementBytes
    core.zeroBytes(sequence, steps * batch * bytes)
    core.endRows(steps, batch, bytes, bytes, batch * bytes, bytes, this.lengths, sequence, rows, 0)
  }

  #copyCleared(source: number, target: Tensor): void {
    const { core, elementBytes } = this.#runtime
    const { steps, batch } = this.#sizes
    core.copyBytes(target.address, source, target.size * elementBytes)
    core.clearPadding(steps, batch, target.shape[2]! * elementBytes, 0, this.lengths, target.address)
  }
}
