/** An example's command line. */
import { parseArgs } from 'node:util'

const QUICK = { type: 'boolean', default: false } as const

/** Is this to be a smoke run of a few seconds, `--quick`? */
export const isQuick = (): boolean => parseArgs({ options: { quick: QUICK } }).values.quick

/** `--quick`, and of an example's parts those that are to run: all of them, or `--only` one. */
export function readCommand<Part extends string>(parts: readonly Part[]): { quick: boolean; chosen: readonly Part[] } {
  const { quick, only } = parseArgs({ options: { quick: QUICK, only: { type: 'string' } } }).values
  const chosen = parts.filter((part) => only === undefined || part === only)
  if (chosen.length === 0) throw new Error(`--only ${only}: expected ${parts.join(', ')}`)
  return { quick, chosen }
}
