/** What a solver tells of each sample. */
import { type Shape, sizeOf } from '../runtime/tensor.ts'
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
  /** Samples that are not `converged`. */
  readonly failed: number
}

/** Where the numbers of a solve are in the copy of the core's memory that a report keeps: byte offsets. */
export interface ReportLayout {
  readonly iterations: number
  readonly evaluations: number
  readonly outcomes: number
  readonly residuals: number
  /** f64[iterations + 1, samples]. */
  readonly traces: number
}

/** What a solve left, read when it is asked for: most of it never is, and forward runs often. */
export class SolveReport implements SolveInfo {
  readonly rowsEvaluated: number
  readonly failed: number
  /** Of a forward in training whose loss holds the penalty: the estimate of mean ‖J‖² / n. */
  jacobianPenalty?: number
  readonly #memory: ArrayBuffer
  readonly #layout: ReportLayout
  readonly #shape: Shape
  readonly #made = new Map<string, unknown>()

  constructor(
    memory: ArrayBuffer,
    layout: ReportLayout,
    { shape, rowsEvaluated, failed }: { shape: Shape; rowsEvaluated: number; failed: number },
  ) {
    this.#memory = memory
    this.#layout = layout
    this.#shape = shape
    this.rowsEvaluated = rowsEvaluated
    this.failed = failed
  }

  get iterations(): PerSample<Int32Array> {
    return this.#once('iterations', () => this.#words('iterations'))
  }

  get evaluations(): PerSample<Int32Array> {
    return this.#once('evaluations', () => this.#words('evaluations'))
  }

  get residual(): PerSample<Float64Array> {
    return this.#once('residual', () => new Float64Array(this.#memory, this.#layout.residuals, this.#samples))
  }

  get outcome(): PerSample<Outcome[]> {
    return this.#once('outcome', () => Array.from(this.#words('outcomes'), (code) => OUTCOMES[code]!))
  }

  get converged(): PerSample<boolean[]> {
    const isGood = (code: number) => code === OUTCOME.CONVERGED || code === OUTCOME.TERMS
    return this.#once('converged', () => Array.from(this.#words('outcomes'), isGood))
  }

  get trace(): PerSample<Float64Array[]> {
    return this.#once('trace', () => this.#traces())
  }

  /** What it says, as plain data. */
  toJSON(): Record<string, unknown> {
    const { iterations, evaluations, residual, converged, outcome, trace, rowsEvaluated, failed, jacobianPenalty } =
      this
    const lists = { iterations: [...iterations], evaluations: [...evaluations], residual: [...residual] }
    const traces = trace.map((residuals) => [...residuals])
    return { ...lists, converged, outcome, trace: traces, rowsEvaluated, failed, ...(jacobianPenalty !== undefined && { jacobianPenalty }) } // prettier-ignore
  }

  /** … and to who prints it in Node. */
  [Symbol.for('nodejs.util.inspect.custom')](): Record<string, unknown> {
    return this.toJSON()
  }

  #once<List extends ArrayLike<unknown>>(name: string, make: () => List): PerSample<List> {
    if (!this.#made.has(name)) this.#made.set(name, perSample(make(), this.#shape))
    return this.#made.get(name) as PerSample<List>
  }

  #traces(): Float64Array[] {
    const samples = this.#samples
    const all = new Float64Array(this.#memory, this.#layout.traces)
    return Array.from(this.#words('iterations'), (count, sample) =>
      Float64Array.from({ length: count + 1 }, (_, iteration) => all[iteration * samples + sample]!),
    )
  }

  get #samples(): number {
    return sizeOf(this.#shape)
  }

  #words(name: 'iterations' | 'evaluations' | 'outcomes'): Int32Array {
    return new Int32Array(this.#memory, this.#layout[name], this.#samples)
  }
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
