/** What a contest and an entrant's process say to each other: one line of JSON each, command and answer in turn. */

/** The file descriptor of the answers. */
export const REPLY_CHANNEL = 3

/** `prepare`: a form of the case; `workload`: what it is about. `sample`: seconds to spend on calls. */
export type Command = { readonly prepare: object; readonly workload: object } | { readonly sample: number }

export type Answer = Prepared | Sample | { readonly error: string } | { readonly unavailable: string }

export interface Prepared {
  readonly values?: readonly number[]
}

/** Of one call, on the clock and on the processor. */
export interface Sample {
  readonly seconds: number
  readonly cpu: number
}
