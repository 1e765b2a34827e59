import type { LossFunction, Runtime, Tensor } from 'retrograd'

/** A kind of sequences of one length, time first, made anew for every batch. */
export interface Problem {
  readonly steps: number
  readonly inputs: number
  readonly outputs: number
  /** The answer is asked for after the last step only; else at every step. */
  readonly lastOnly: boolean
  readonly loss: LossFunction
  /** The loss of the best answer that remembers nothing. */
  readonly baseline: number
  /** Tensors for B sequences, to be filled again and again; the caller's to dispose of. */
  batch(rt: Runtime, B: number): Batch
  /** Share of the answers that count as right. */
  right(output: Tensor, target: Tensor): number
}

export interface Batch {
  readonly input: Tensor
  readonly target: Tensor
  /** Draws new sequences. */
  fill(random: () => number): void
}
