/** Residuals by iteration, as numbers and as a picture. */
import type { SolveInfo } from '../equilibrium/info.ts'
import { describeValue, expectNumber, expectOptions, fail } from '../runtime/check.ts'
import { drawResiduals } from './draw/residuals.ts'

export interface TraceOptions {
  /** Stands above the picture; none if left out. */
  title?: string
  /** The tolerance, drawn as a line. */
  tol?: number
}

export interface ResidualTraces {
  /** By sample (steps of one sample after the other's: row-major in `info.trace.shape`): the residual of each iterate. */
  readonly traces: readonly Float64Array[]
  readonly svg: string
}

/**
 * Draws what `forward` or `backward` of a DEQ told of its solve: one line for each sample, red where it failed.
 *
 * @param info of a forward, or of a backward whose adjoint solves
 */
export function residualTraces(info: SolveInfo, options: TraceOptions = {}): ResidualTraces {
  expectOptions('residualTraces', options, ['title', 'tol'])
  if (!Array.isArray(info?.trace))
    fail('type', `residualTraces: info is ${describeValue(info)}; expected the info of a DEQ's forward or backward`)
  const { title = '', tol } = options
  if (typeof title !== 'string') fail('option', `residualTraces: title is ${describeValue(title)}; expected text`)
  if (tol !== undefined) expectNumber('residualTraces', 'tol', tol, Number.MIN_VALUE, Number.MAX_VALUE)
  const { trace, converged } = info
  return { traces: trace.data, svg: drawResiduals({ residuals: trace, converged, title, tol }) }
}
