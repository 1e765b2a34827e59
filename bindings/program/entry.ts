import { KIND } from './format.ts'

/** Where a value is: see assembly/engine/records.ts. */
export interface Entry {
  readonly base: number
  readonly stride: number
  readonly kind: number
}

/** Of what lies in one place at every step: a parameter, say. */
export const fixedEntry = (base: number): Entry => ({ base, stride: 0, kind: KIND.TIMED })
