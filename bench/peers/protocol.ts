/** What the harness and a peer's process say to each other: one line of JSON each, command and answer in turn. */
import type { Form } from './peer.ts'

/** The file descriptor of the answers. */
export const REPLY_CHANNEL = 3

/** `workload`: sizes, or a problem with its numbers. `sample`: seconds to spend on calls. */
export type Command = { readonly prepare: Form; readonly workload: object } | { readonly sample: number }

export type Answer = Prepared | Sample | { readonly error: string } | { readonly unavailable: string }

export interface Prepared {
  readonly values?: readonly number[]
}

/** Of one call, on the clock and on the processor. */
export interface Sample {
  readonly seconds: number
  readonly cpu: number
}
