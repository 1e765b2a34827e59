import { type TestCore, loadCore } from '../../test/support/core.ts'
import { type Kernels, compileKernels } from './kernels.ts'
import { type Effort, FULL, QUICK } from './measure.ts'
import { Report } from './report.ts'
import { chooseVariant } from './variant.ts'

/** What every bench is given. */
export interface Context {
  readonly report: Report
  readonly quick: boolean
  readonly effort: Effort
  readonly variant: 'simd' | 'relaxed'
  readonly core: TestCore
  readonly kernels: Kernels
}

export async function makeContext(wanted: string, quick: boolean): Promise<Context> {
  const variant = chooseVariant(wanted)
  const kernels = await compileKernels(variant)
  return { report: new Report(), quick, effort: quick ? QUICK : FULL, variant, core: loadCore(variant), kernels }
}

/** Rounds of the register-only loop that take about a tenth of a millisecond. */
const CEILING_ROUNDS = 50_000

/** The ceiling as a case to be timed beside others, and what it computes in a call. */
export function ceilingCase({ kernels }: Pick<Context, 'kernels'>): { run: () => number; flops: number } {
  return { run: () => kernels.ceiling(CEILING_ROUNDS), flops: CEILING_ROUNDS * kernels.flopsPerRound }
}
