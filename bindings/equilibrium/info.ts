/** What a solver tells of each sample. */
import type { Shape } from '../runtime/tensor.ts'
import { OUTCOME } from './format.ts'

/** How a sample ended. */
export type Outcome =
  | 'converged'
  | 'terms' // as many terms as were asked for; nothing was promised of the residual
  | 'maxIter'
  | 'nonFinite' // F(z) or a product was not finite
  | 'stagnated' // no further progress
  | 'growing' // the updates of plain iteration (the terms of a series) grew: they go nowhere
  | 'singular' // I - J has no inverse, as far as the precision tells
  | 'breakdown' // a recurrence that could not go on

const OUTCOMES: Readonly<Record<number, Outcome>> = {
  [OUTCOME.CONVERGED]: 'converged',
  [OUTCOME.TERMS]: 'terms',
  [OUTCOME.MAX_ITERATIONS]: 'maxIter',
  [OUTCOME.NON_FINITE]: 'nonFinite',
  [OUTCOME.STAGNATED]: 'stagnated',
  [OUTCOME.GROWING]: 'growing',
  [OUTCOME.SINGULAR]: 'singular',
  [OUTCOME.BREAKDOWN]: 'breakdown',
}

/** An array over samples, row-major in `shape`: [B], or [T, B]. Like a tensor it also gives its `data`, and nested by `toArray`. */
export type PerSample<List> = List & { readonly shape: Shape; readonly data: List; toArray(): unknown }

export interface SolveInfo {
  /** Updates of z (of GMRES and BiCGSTAB: inner steps) that each sample took. */
  readonly iterations: PerSample<Int32Array>
  /** Evaluations of F, and of products with its Jacobian. */
  readonly evaluations: PerSample<Int32Array>
  /** Of the result, in the units of the stopping rule: of the undamped map, measured. (Of a fixed number of terms: of the iterate before the result.) */
  readonly residual: PerSample<Float64Array>
  /** Did it reach the tolerance (or take as many terms as were asked for)? */
  readonly converged: PerSample<boolean[]>
  readonly outcome: PerSample<Outcome[]>
  /** The residual of each iterate, from the start on; of a fixed number of terms the last one is not measured: NaN. */
  readonly trace: PerSample<Float64Array[]>
  /** Rows that went through F or its Jacobian, all samples together. */
  readonly rowsEvaluated: number
}

/** Numbers as they lie in the core's memory, copied. */
export interface RawInfo {
  readonly iterations: Int32Array
  readonly evaluations: Int32Array
  readonly outcomes: Int32Array
  readonly residuals: Float64Array
  /** One sample's behind the other, of `traceLength` numbers each. */
  readonly traces: Float64Array
  readonly rowsEvaluated: number
}

export function infoOf(raw: RawInfo, shape: Shape): SolveInfo {
  const { iterations, evaluations, residuals, outcomes, traces, rowsEvaluated } = raw
  const outcome = Array.from(outcomes, (code) => OUTCOMES[code]!)
  let trace: PerSample<Float64Array[]> | undefined
  return {
    iterations: perSample(iterations, shape),
    evaluations: perSample(evaluations, shape),
    residual: perSample(residuals, shape),
    converged: perSample(outcome.map(isGood), shape),
    outcome: perSample(outcome, shape),
    get trace() {
      trace ??= perSample(tracesOf(traces, iterations), shape)
      return trace
    },
    rowsEvaluated,
  }
}

/** Did the sample do what was asked of it? */
const isGood = (outcome: Outcome): boolean => outcome === 'converged' || outcome === 'terms'

/** Numbers of a trace: of the start and of each iteration. */
export const traceLength = (iterations: number): number => iterations + 1

function tracesOf(traces: Float64Array, iterations: Int32Array): Float64Array[] {
  let place = 0
  return Array.from(iterations, (count) => {
    const start = place
    place += traceLength(count)
    return traces.slice(start, place)
  })
}

function perSample<List extends ArrayLike<unknown>>(list: List, shape: Shape): PerSample<List> {
  const toArray = () => nest(Array.from(list), shape)
  const hidden = (value: unknown) => ({ value, enumerable: false })
  return Object.defineProperties(list, {
    shape: hidden(shape),
    data: hidden(list),
    toArray: hidden(toArray),
  }) as PerSample<List>
}

function nest(flat: unknown[], shape: Shape): unknown[] {
  if (shape.length < 2) return flat
  const [steps, batch] = shape as readonly [number, number]
  return Array.from({ length: steps }, (_, t) => flat.slice(t * batch, (t + 1) * batch))
}
