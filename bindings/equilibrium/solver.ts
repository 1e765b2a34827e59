/** A batch of fixed points in the core: the record that describes it, the samples' memory, and what it tells. */
import { CoreRecord } from '../runtime/record.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Scope } from '../runtime/scope.ts'
import type { Shape } from '../runtime/tensor.ts'
import { METHOD } from './format.ts'
import { SolveReport } from './info.ts'
import type { Mapping } from './mapping.ts'
import { SOLVE } from './records.ts'
import type { SolverSettings } from './settings.ts'

/** Samples side by side, at most: enough for a product to run at full speed. */
const ROWS = 256
/** … and at least, however much memory a sample needs. */
const FEWEST_ROWS = 16
const SAMPLE_BYTES = 2 ** 24

/** How many samples are solved side by side. */
export function capacityOf({ core }: Runtime, settings: SolverSettings, columns: number, rows: number): number {
  const bytes = sampleBytesOf(core, settings, columns)
  return Math.min(rows, ROWS, Math.max(FEWEST_ROWS, Math.floor(SAMPLE_BYTES / bytes)))
}

function sampleBytesOf(core: Runtime['core'], settings: SolverSettings, columns: number): number {
  return core.sampleBytes(settings.method, columns, settings.history, settings.pairs, settings.krylov)
}

/** The record, what is told of each sample, and what the samples work in. */
function furnish(scope: Scope, who: string, settings: SolverSettings, { steps, rows, columns, capacity }: SolverShape) {
  const { core } = scope.runtime
  const all = steps * rows
  return scope.rooms(who, {
    record: SOLVE.bytes,
    iterations: 4 * all,
    evaluations: 4 * all,
    outcomes: 4 * all,
    best: 4 * all,
    residuals: 8 * all,
    traces: 8 * all * (settings.maxIterations + 1),
    samples: capacity * sampleBytesOf(core, settings, columns),
    list: 4 * capacity,
    scratch: settings.method === METHOD.LU ? core.denseScratch(columns) : 0,
  })
}

export interface SolverShape {
  /** Fixed points one after the other, each starting from the last. */
  readonly steps: number
  readonly rows: number
  readonly columns: number
  readonly capacity: number
  /** Of what is told per sample. */
  readonly info: Shape
}

/** Addresses of what a run reads and writes. */
interface Places {
  readonly start: number
  readonly lengths: number
  readonly constant: number
  readonly result: number
  readonly iterates: number
}

type InfoArray = 'iterations' | 'evaluations' | 'outcomes' | 'best' | 'residuals' | 'traces'

export class Solver {
  readonly settings: SolverSettings
  readonly #runtime: Runtime
  readonly #shape: SolverShape
  readonly #mappings: readonly Mapping[]
  readonly #record: CoreRecord<typeof SOLVE>
  readonly #at: Readonly<Record<InfoArray, number>>

  /** @param product gives products with the Jacobian, where the method asks for them */
  constructor(
    scope: Scope,
    settings: SolverSettings,
    shape: SolverShape,
    { value, product, who }: { value: Mapping; product: Mapping | undefined; who: string },
  ) {
    const { steps, rows, columns, capacity } = shape
    const { at } = furnish(scope, `${who}: the solver`, settings, shape)
    const { record, ...arrays } = at
    this.settings = settings
    this.#runtime = scope.runtime
    this.#shape = shape
    this.#mappings = product && product !== value ? [value, product] : [value]
    this.#at = at
    this.#record = new CoreRecord(scope.runtime, record, SOLVE)
    const { name: _name, onFailure: _manner, ...numbers } = settings
    this.#record.set({
      ...numbers,
      ...arrays,
      steps,
      rows,
      capacity,
      columns,
      value: value.address,
      product: product?.address ?? 0,
      sampleBytes: sampleBytesOf(scope.runtime.core, settings, columns),
    })
  }

  /** Address of i32[steps, rows]: the iterations that gave the results. */
  get best(): number {
    return this.#at.best
  }

  /**
   * Runs all samples to their ends.
   *
   * @param places addresses; 0 for a start from zeros, no lengths, no constant, iterates that are not kept
   */
  run(places: Places): SolveReport {
    for (const mapping of this.#mappings) mapping.prepare()
    const { start, lengths, constant, result, iterates } = places
    this.#record.setWord('start', start)
    this.#record.setWord('lengths', lengths)
    this.#record.setWord('constant', constant)
    this.#record.setWord('result', result)
    this.#record.setWord('iterates', iterates)
    this.#runtime.core.solveFixedPoints(this.#record.address)
    return this.#report()
  }

  /** One copy of all that was written. */
  #report(): SolveReport {
    const { steps, rows, info } = this.#shape
    const { iterations, evaluations, outcomes, residuals, traces } = this.#at
    const traced = Math.min(this.#record.word('longest'), this.settings.maxIterations) + 1
    const copy = this.#runtime.heap.buffer.slice(iterations, traces + 8 * steps * rows * traced)
    const layout = {
      iterations: 0,
      evaluations: evaluations - iterations,
      outcomes: outcomes - iterations,
      residuals: residuals - iterations,
      traces: traces - iterations,
    }
    const failed = this.#record.word('failed')
    return new SolveReport(copy, layout, { shape: info, rowsEvaluated: this.#record.float('work'), failed })
  }
}
