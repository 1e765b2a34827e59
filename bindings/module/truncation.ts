import { expectOptions, expectPositive, fail } from '../runtime/check.ts'

/** TBPTT(k1, k2): stride k1, window k2. */
export interface Truncation {
  /** Steps that a loss's gradient reaches back over, its own block's included. */
  readonly window: number
  /** Steps of a block of losses; the window if left out. */
  readonly stride?: number
}

export function expectTruncation(who: string, truncation: Truncation): Required<Truncation> {
  expectOptions(`${who}: truncation`, truncation, ['window', 'stride'])
  const window = expectPositive(who, 'truncation.window', truncation.window)
  const stride = expectPositive(who, 'truncation.stride', truncation.stride ?? window)
  if (stride > window) {
    fail('option', `${who}: truncation.stride is ${stride} and window ${window}; expected stride <= window`)
  }
  return { window, stride }
}
