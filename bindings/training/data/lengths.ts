/** Samples of different lengths: how many steps of each hold data. */
import type { ForwardOptions, ForwardResult, Module } from '../../nn/module.ts'
import { Padding } from '../../nn/padding.ts'
import { Workspace } from '../../nn/workspace.ts'
import { describeValue, fail } from '../../runtime/check.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Tensor } from '../../runtime/tensor.ts'
import type { Layout } from './axes.ts'
import type { SampleAxis, Span } from './steps.ts'

/** One whole number per sample. */
export type Lengths = readonly number[] | Int32Array

/** Refuses what is not one whole number in [0, T] for each sample. */
export function expectLengths(who: string, name: string, lengths: Lengths, layout: Layout): void {
  const { steps, samples } = layout
  const isList = Array.isArray(lengths) || lengths instanceof Int32Array
  const given = isList ? `${lengths.length} numbers` : describeValue(lengths)
  if (steps === undefined) fail('option', `${who}: ${name} is given; the input has no time axis`)
  if (!isList || lengths.length !== samples)
    fail('shape', `${who}: ${name} is ${given}; expected an array of ${samples} whole numbers, one per sample`)
  for (const [i, length] of lengths.entries()) {
    if (Number.isInteger(length) && length >= 0 && length <= steps) continue
    fail(
      'range',
      `${who}: ${name} holds ${describeValue(length)} at ${i}; expected whole numbers from 0 to ${steps} (T)`,
    )
  }
}

/** How many of the steps [from, to) each sample has. */
export const lengthsWithin = (lengths: Int32Array, { from, to }: Span): Int32Array =>
  lengths.map((length) => Math.max(0, Math.min(length, to) - from))

/** Runs a model with those options that are given: without lengths it is not told of any. */
export function forwardWith(
  model: Module,
  input: Tensor,
  options: Pick<ForwardOptions, 'lengths' | 'state' | 'tape'>,
): ForwardResult {
  return model.forward(input, Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)))
}

/** Masks from lengths, each written over the one before it. */
export class LengthMask {
  readonly #runtime: Runtime
  readonly #mask: Workspace
  readonly #lengths: Padding

  constructor(runtime: Runtime) {
    this.#runtime = runtime
    this.#mask = new Workspace(runtime, 'lengths')
    this.#lengths = new Padding(runtime, 'lengths')
  }

  /** [T, B], or [B, T] where samples are the first axis: 1 for t < length, else 0. */
  of(lengths: Int32Array, steps: number, axis: SampleAxis): Tensor {
    const batch = lengths.length
    const mask = this.#mask.take(axis === 1 ? [steps, batch] : [batch, steps])
    this.#runtime.core.lengthMask(steps, batch, 1 - axis, this.#lengths.place(lengths), mask.address)
    return mask
  }

  dispose(): void {
    this.#mask.dispose()
    this.#lengths.dispose()
  }
}
