/** A batch of fixed points in the core: the record that describes it, the samples' memory, and what it tells. */
import { Area } from '../program/layout.ts'
import type { Allocation } from '../runtime/heap.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Shape } from '../runtime/tensor.ts'
import { METHOD, SOLVE } from './format.ts'
import { Report, type ReportLayout } from './info.ts'
import type { Mapping } from './mapping.ts'
import { CoreRecord, bytesOfRecord } from './record.ts'
import type { Settings } from './settings.ts'

/** Samples side by side, at most: enough for a product to run at full speed. */
const ROWS = 256
/** … and at least, however much memory a sample needs. */
const FEWEST_ROWS = 16
const SAMPLE_BYTES = 2 ** 24

/** How many samples are solved side by side. */
export function capacityOf({ core }: Runtime, settings: Settings, columns: number, rows: number): number {
  const bytes = sampleBytesOf(core, settings, columns)
  return Math.min(rows, ROWS, Math.max(FEWEST_ROWS, Math.floor(SAMPLE_BYTES / bytes)))
}

function sampleBytesOf(core: Runtime['core'], settings: Settings, columns: number): number {
  return core.sampleBytes(settings.method, columns, settings.history, settings.pairs, settings.krylov)
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
  readonly settings: Settings
  readonly #runtime: Runtime
  readonly #shape: SolverShape
  readonly #mappings: readonly Mapping[]
  readonly #memory: Allocation
  readonly #record: CoreRecord<typeof SOLVE>
  readonly #offsets: Readonly<Record<InfoArray, number>>
  readonly #layout: ReportLayout

  /** @param product gives products with the Jacobian, where the method asks for them */
  constructor(
    runtime: Runtime,
    settings: Settings,
    shape: SolverShape,
    { value, product, who }: { value: Mapping; product: Mapping | undefined; who: string },
  ) {
    this.settings = settings
    this.#runtime = runtime
    this.#shape = shape
    this.#mappings = product && product !== value ? [value, product] : [value]
    const { steps, rows, columns, capacity } = shape
    const { core } = runtime
    const { maxIterations, method, mode, terms, history, pairs, krylov, tolerance, damping, regularisation } = settings
    const all = steps * rows
    const sampleBytes = sampleBytesOf(core, settings, columns)
    const area = new Area()
    const record = area.take(bytesOfRecord(SOLVE))
    const words = () => area.take(4 * all)
    this.#offsets = {
      iterations: words(),
      evaluations: words(),
      outcomes: words(),
      best: words(),
      residuals: area.take(8 * all),
      traces: area.take(8 * all * (maxIterations + 1)),
    }
    const { iterations, evaluations, outcomes, residuals, traces } = this.#offsets
    this.#layout = {
      iterations: 0,
      evaluations: evaluations - iterations,
      outcomes: outcomes - iterations,
      residuals: residuals - iterations,
      traces: traces - iterations,
    }
    const [samples, list] = [area.take(capacity * sampleBytes), area.take(4 * capacity)]
    const scratch = area.take(method === METHOD.LU ? core.denseScratch(columns) : 0)
    this.#memory = runtime.heap.allocateZeros(area.bytes, `${who}: the solver`)
    const { address } = this.#memory
    this.#record = new CoreRecord(runtime, address + record, SOLVE)
    const arrays = Object.fromEntries(Object.entries(this.#offsets).map(([name, offset]) => [name, address + offset]))
    this.#record.set({
      steps,
      rows,
      capacity,
      columns,
      method,
      mode,
      maxIterations,
      terms,
      history,
      pairs,
      krylov,
      value: value.address,
      product: product?.address ?? 0,
      ...arrays,
      samples: address + samples,
      sampleBytes,
      list: address + list,
      scratch: address + scratch,
      tolerance,
      damping,
      regularisation,
    })
  }

  /** Address of i32[steps, rows]: the iterations that gave the results. */
  get best(): number {
    return this.#memory.address + this.#offsets.best
  }

  /**
   * Runs all samples to their ends.
   *
   * @param places addresses; 0 for a start from zeros, no lengths, no constant, iterates that are not kept
   */
  run(places: Places): Report {
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

  dispose(): void {
    this.#memory.dispose()
  }

  /** One copy of all that was written. */
  #report(): Report {
    const { steps, rows, info } = this.#shape
    const { address } = this.#memory
    const first = this.#offsets.iterations
    const traced = Math.min(this.#record.word('longest'), this.settings.maxIterations) + 1
    const end = this.#offsets.traces + 8 * steps * rows * traced
    const copy = this.#runtime.heap.buffer.slice(address + first, address + end)
    const failed = this.#record.word('failed')
    return new Report(copy, this.#layout, { shape: info, rowsEvaluated: this.#record.float('work'), failed })
  }
}
