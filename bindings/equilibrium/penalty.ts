/** Options of the penalty on the Jacobian: weight · mean ‖J‖² / n, estimated with random vectors. */
import { expectNumber, expectOptions, expectPositive, fail } from '../runtime/check.ts'

export interface PenaltyOptions {
  readonly weight: number
  /** Random vectors for each sample. */
  readonly samples: number
}

export function expectPenalty(given: { weight: number; samples?: number } | undefined): PenaltyOptions {
  if (given === undefined) return { weight: 0, samples: 1 }
  expectOptions('DEQ: jacobianPenalty', given, ['weight', 'samples'])
  return {
    weight: expectNumber('DEQ: jacobianPenalty', 'weight', given.weight, 0, Number.MAX_VALUE),
    samples: expectFewSamples(given.samples ?? 1),
  }
}

/** Each is a whole [T · B, n]. */
const MOST_SAMPLES = 4096

function expectFewSamples(samples: number): number {
  if (expectPositive('DEQ: jacobianPenalty', 'samples', samples) <= MOST_SAMPLES) return samples
  return fail('option', `DEQ: jacobianPenalty: samples is ${samples}; expected at most ${MOST_SAMPLES}`)
}
