/** What `fit` takes, tells and gives. */
import type { Truncation } from '../module/truncation.ts'
import type { AbortSignalLike } from './data/abort.ts'
import type { FitSource } from './data/fit-data.ts'
import type { StoppingState } from './early-stopping.ts'
import type { LossFunction } from './losses/loss.ts'
import type { MetricName } from './metrics.ts'
import type { Optimizer } from './optimizers/optimizer.ts'
import type { Schedule } from './optimizers/schedules/schedule.ts'
import type { Sums } from './totals.ts'

/**
 * Where a run stands: the next batch to be taken, both counted from 0, and what was gathered on the way there. Gradients that are
 * added up for an update to come (`accumulate`) are not part of it.
 */
export interface FitPosition {
  readonly epoch: number
  readonly batch: number
  /** Epochs of earlier calls, whose orders of samples are not to come again; 0 if left out. */
  readonly epochsBefore?: number
  /** Sums so far in an epoch that has begun: of its losses, each times its Σ m, and of its metrics. */
  readonly sums?: Sums
  /** Early stopping, where there is a `patience`. */
  readonly stopping?: StoppingState
  /**
   * With truncation, blocks of that batch's series that were trained on already; left out at their start. A run cannot go on from
   * such a place, for the states there are no part of a position.
   */
  readonly block?: number
}

export interface FitProgress {
  /** The epoch now, from 1, of `epochs`. */
  readonly epoch: number
  readonly epochs: number
  /**
   * Steps taken, of `steps` in all: one per batch, with truncation one per block. `steps` is unknown in the first epoch of batches
   * that come as they come, and an estimate where some series have fewer blocks than others.
   */
  readonly step: number
  readonly steps: number | undefined
  /** Of this batch or block. */
  readonly loss: number
  readonly stepsPerSecond: number
  /** Where a run would go on after this batch: for a checkpoint. */
  readonly position: FitPosition
  /** Seconds left at this rate, where `steps` is known. */
  readonly secondsLeft: number | undefined
}

export interface FitOptions {
  /** `mseLoss`, `crossEntropyLoss`, or a function of the same form. */
  loss: LossFunction
  /** An optimiser of the model or of parts of it; of nothing else, for nothing else gets gradients. */
  optimizer: Optimizer
  /** Passes over the data; 1 if left out. */
  epochs?: number
  /** Samples per batch; 32 if left out. The last batch of an epoch may be smaller. Batches that the data bring along keep their own. */
  batchSize?: number
  /**
   * Trains on long series a block of `stride` steps at a time (the window's, if left out), gradients reaching over `window` steps.
   * Targets and masks per step; no LastStep, one direction.
   */
  truncation?: Truncation
  /**
   * Batches (with truncation: blocks) for one update, that of their loss in one; 1 if left out. What is left over at an epoch's end makes
   * an update of its own.
   */
  accumulate?: number
  /** Greatest norm of all gradients, or greatest size of an element. */
  clip?: { norm: number } | { value: number }
  /** Of this optimiser. Steps after each epoch, with the validation loss (the training loss, if there is none) as its metric. */
  schedule?: Schedule
  /** Data whose loss is taken after each epoch, 256 samples at a time or by batches of their own; with truncation in blocks of its stride. */
  validation?: FitSource
  /** What else is measured after each epoch on the validation data; without them, on the training data as each batch is trained on. */
  metrics?: readonly MetricName[]
  /** Stop after so many epochs without a smaller validation loss, and go back to the best epoch's weights. */
  patience?: number
  /**
   * What a loss or gradient that is not finite does: stop with an error (the default); or, for a loss, leave its batch out as if it were
   * not there (with truncation what is left of its series), for a gradient leave the update out. The loss of an epoch of which nothing is
   * left is NaN.
   */
  onNonFinite?: 'throw' | 'skip'
  /**
   * Seed of the order of samples; the runtime's if left out. Every epoch has an order of its own, over all calls on a model. Batches that the
   * data bring along have their own order.
   */
  seed?: number
  /** false keeps samples in their order, in every epoch; true if left out. Batches that the data bring along have their own order. */
  shuffle?: boolean
  /** Ends training between two steps, and a wait for data, validation or `onProgress` at once; everything stays usable. */
  signal?: AbortSignalLike
  /** Go on from here rather than from the first batch: what a checkpoint says. */
  from?: FitPosition
  /**
   * Called after every batch, with truncation after every block; a promise is awaited. While it is, `evaluate` may be called on the model;
   * at other times it is refused, as a second `fit` always is ('busy').
   */
  onProgress?: (progress: FitProgress) => unknown
}

export interface FitResult {
  /**
   * Per epoch that was completed Σ m ℓ / Σ m over all its batches, as each stood when it was trained on; 0 where nothing counts. Of
   * losses that are sums, their sum.
   */
  readonly loss: number[]
  /** Validation loss per epoch. */
  readonly validation?: number[]
  /** By name, one number per epoch, where they were asked for. */
  readonly metrics?: Partial<Record<MetricName, number[]>>
  /** Batches seen, or with truncation blocks. */
  readonly steps: number
  /** Of these, losses and updates that were left out (`onNonFinite: 'skip'`). */
  readonly skipped: number
  /** Did the signal end it before its last epoch was over? */
  readonly aborted: boolean
}
