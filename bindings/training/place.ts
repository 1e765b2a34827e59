/** Where a portion stands in a run, and what follows from that. */
import type { FitPosition } from './fit-options.ts'
import type { Portion } from './portions.ts'

/** All are counted from 0. */
export interface Place {
  readonly epoch: number
  readonly batch: number
  readonly portion: Portion
  /** Portions before it in its epoch. */
  readonly index: number
}

/** What messages call it. */
export const nameOf = ({ epoch, batch, portion }: Place): string =>
  `epoch ${epoch + 1}, batch ${batch + 1}${portion.place}`

/** Where a run goes on after it, the last of its epoch or not. */
export function placeAfter(
  { epoch, batch, portion, isLeftOut }: Place & { isLeftOut: boolean },
  isLast: boolean,
): FitPosition {
  if (isLast) return { epoch: epoch + 1, batch: 0 }
  const next = portion.index + 1
  return isLeftOut || next === portion.count ? { epoch, batch: batch + 1 } : { epoch, batch, block: next }
}

/**
 * Portions that follow it in so many epochs, each batch having as many as this.
 *
 * @param batches in an epoch; undefined where that is not known
 */
export function portionsAfter(
  place: Place & { isLeftOut: boolean },
  epochs: number,
  batches: number | undefined,
): number | undefined {
  if (batches === undefined) return undefined
  const { epoch, batch, portion, isLeftOut } = place
  const batchesLeft = Math.max(batches - batch - 1, 0) + (epochs - epoch - 1) * batches
  const portionsLeft = isLeftOut ? 0 : portion.count - portion.index - 1
  return portionsLeft + batchesLeft * portion.count
}
