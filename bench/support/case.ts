/** What a process offers that is timed beside others (contest.ts); it answers in the words of protocol.ts. */

/** A workload, made ready. */
export interface Case {
  /** The values that are compared with ours; absent where a peer computes something else. */
  check?(): number[] | Promise<number[]>
  /** What is timed. A promise is waited for. */
  call(): unknown
  /** By what a call's time is multiplied, for a peer that does a part of the work. */
  readonly times?: number
}

/** Thrown where a peer cannot run here at all: its result says why, and the run goes on. */
export class Unavailable extends Error {}
