/** What is said where samples do not get to their fixed point, and how. */
import { fail } from '../runtime/errors.ts'
import type { Outcome, SolveInfo, SolveReport } from './info.ts'
import type { SolverSettings } from './settings.ts'

const REMEDIES: Readonly<Record<Exclude<Outcome, 'converged' | 'terms'>, string>> = {
  maxIter: "raise maxIter, loosen tol (mode 'mixed' where the fixed point may be 0) or take another solver",
  nonFinite: 'F or its Jacobian is not finite there: scale the weights or the input, or damp the step',
  stagnated: 'the residual fell no further: loosen tol (float32 ends near 1e-6), or take another solver',
  growing:
    'its updates grow: the spectral radius of J seems to be 1 or more there; take another solver (of adjoints gmres or lu)',
  singular:
    'I - J has no inverse there as far as tol tells (the solution exceeds the gradient by 1 / tol): the fixed point is not isolated; or lower tol, or take adjoint lu',
  breakdown: 'the recurrence broke down: take adjoint gmres or lu',
}

const AT_START = 'what was given (input, state or gradient), or F at the start, is not finite'

/** Throws, warns or is silent about samples that failed, as the settings say. */
export function judge(who: string, info: SolveReport, settings: SolverSettings): void {
  if (settings.onFailure === 'accept' || info.failed === 0) return
  const message = messageOf(who, info, settings)
  if (settings.onFailure === 'throw') fail('convergence', message)
  const host = globalThis as { console?: { warn?(text: string): void } }
  host.console?.warn?.(message)
}

function messageOf(who: string, info: SolveInfo, { name, tolerance }: SolverSettings): string {
  const failed = info.converged.flatMap((good, i) => (good ? [] : [i]))
  const first = failed[0]!
  const outcome = info.outcome[first] as keyof typeof REMEDIES
  const count = info.converged.length
  const residual = info.residual[first]!.toExponential(2)
  const how = outcome === 'nonFinite' ? 'was not finite' : `ended (${outcome}) with residual ${residual}`
  const where = `sample ${placeOf(first, info)} ${how} at iteration ${info.iterations[first]}`
  const remedy = outcome === 'nonFinite' && info.iterations[first] === 0 ? AT_START : REMEDIES[outcome]
  return `${who}: ${name} failed for ${failed.length} of ${count} samples: ${where} (tol ${tolerance}); ${remedy}`
}

function placeOf(index: number, { converged }: SolveInfo): string {
  const { shape } = converged
  if (shape.length < 2) return String(index)
  return `${index % shape[1]!} of step ${Math.floor(index / shape[1]!)}`
}
