/** Where everything of a plan lies, as offsets from its start: so that a plan's size is known before it is made. */
import { greatest } from '../runtime/greatest.ts'
import { Area } from '../runtime/area.ts'
import type { Core } from '../runtime/core.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Slot } from './compile.ts'
import * as records from './records.ts'
import type { PlanOptions, PlanUnit, Stage } from './stage.ts'
import type { Storage } from './storage.ts'
import { bytesOfTables } from './tables.ts'

/** Rows that a time chunk holds, if the batch is no larger: enough for a weight gradient's product to run at full speed. */
export const CHUNK_ROWS = 256

/** Steps of a time chunk: a fixed grid, so that results never depend on how much of a sequence comes at once. */
export const chunkSteps = (batch: number): number => Math.max(1, Math.floor(CHUNK_ROWS / batch))

/** Offsets of a unit's storages, scratch and tables. */
export interface UnitLayout {
  readonly storages: ReadonlyMap<Storage, number>
  /** By slot: memory that one instruction uses for itself. */
  readonly instructions: ReadonlyMap<Slot, number>
  /** By slot: parts of sums, where these are long. */
  readonly parts: ReadonlyMap<Slot, number>
  readonly tables: number
}

export interface Layout {
  readonly bytes: number
  readonly chunk: number
  readonly parts: SumParts
  readonly stages: number
  readonly unitTable: number
  readonly units: readonly UnitLayout[]
}

/** Long sums over rows are made of parts: see assembly/engine/folds.ts. */
export interface SumParts {
  /** Pieces of chunks that a part holds; 0 where sums have no parts. */
  readonly pieces: number
  /** Parts of each sum. */
  readonly levels: number
}

/** Lays out the run's words, stage and unit tables, and each unit; units share what lives no longer than their turn in a chunk. */
export function layOut(runtime: Runtime, stages: readonly Stage[], options: PlanOptions): Layout {
  const own = new Area()
  own.take(records.RUN.bytes)
  const stageTable = own.take(stages.length * records.STAGE.bytes)
  const units = stages.flatMap((stage) => stage.units)
  const unitTable = own.take(units.length * records.UNIT.bytes)
  const chunk = options.chunk ?? chunkSteps(options.batch)
  const sizes = new Sizes(runtime, options, chunk)
  const parts = options.chunk === undefined ? partsFor(options, chunk, runtime.core) : WHOLE
  const drafts = units.map((unit) => draft(unit, own, sizes, parts.levels))
  const scratch = own.bytes
  const finished = drafts.map(({ storages, shared, instructions, parts, tables }) => {
    const all = new Map([...storages, ...[...shared].map(([key, offset]) => [key, scratch + offset] as const)])
    const moved = new Map([...instructions].map(([slot, offset]) => [slot, scratch + offset]))
    return { storages: all, instructions: moved, parts, tables }
  })
  const bytes = scratch + greatest(drafts.map((unit) => unit.scratch))
  return { bytes, chunk, parts, stages: stageTable, unitTable, units: finished }
}

const WHOLE: SumParts = { pieces: 0, levels: 0 }

/** The most parts that a sum has: as many as the iterations of an unrolled fixed point are given (assembly/engine/iterations.ts). */
const MOST_LEVELS = 3

/** A short sum is one sequence of blocks of rows. */
function partsFor({ steps, batch, pieces }: PlanOptions, chunk: number, { FOLD_PARTS, FOLD_ROWS }: Core): SumParts {
  const pieceRows = Math.max(CHUNK_ROWS, chunk * batch)
  const count = pieces ?? Math.ceil(steps / chunk)
  if (count * pieceRows <= FOLD_ROWS.value) return WHOLE
  const each = Math.max(1, Math.floor(FOLD_ROWS.value / pieceRows))
  let levels = 1
  for (let parts = count / each; parts > FOLD_PARTS.value && levels < MOST_LEVELS; parts /= FOLD_PARTS.value) levels++
  return { pieces: each, levels }
}

/** Bytes of storages for one (T, B). */
class Sizes {
  readonly runtime: Runtime
  readonly #batch: number
  readonly #steps: Readonly<Record<'step' | 'chunk' | 'tape' | 'timed', number>>

  constructor(runtime: Runtime, { steps, batch, tapeSteps = steps }: PlanOptions, chunk: number) {
    this.runtime = runtime
    this.#batch = batch
    this.#steps = { step: 1, chunk: Math.min(chunk, steps), tape: tapeSteps, timed: steps }
  }

  of({ duration, value, lag }: Storage): number {
    const rowBytes = this.#batch * value.columns * this.runtime.elementBytes
    return duration === 'call' ? 0 : (this.#steps[duration] + lag) * rowBytes
  }
}

interface Draft {
  readonly storages: Map<Storage, number>
  readonly shared: Map<Storage, number>
  readonly instructions: Map<Slot, number>
  readonly parts: Map<Slot, number>
  readonly scratch: number
  readonly tables: number
}

function draft({ program, ports }: PlanUnit, own: Area, sizes: Sizes, levels: number): Draft {
  const scratch = new Area()
  const [storages, shared] = [new Map<Storage, number>(), new Map<Storage, number>()]
  const instructions = new Map<Slot, number>()
  const parts = new Map<Slot, number>()
  const outputs = new Set(program.graph.outputs.map((output) => program.slots[program.slotOf.get(output)!]))
  const lasting = new Set([...outputs].map((slot) => (slot?.kind === 'storage' ? slot.storage : undefined)))
  const { core, elementBytes } = sizes.runtime
  for (const slot of program.slots) {
    if (slot.kind === 'scratch') instructions.set(slot, scratch.take(slot.bytes(core, elementBytes)))
    if (slot.kind === 'parts' && levels > 0) parts.set(slot, own.take(levels * slot.elements * elementBytes))
    if (slot.kind !== 'storage') continue
    const { storage } = slot
    if (storage.duration === 'call' || storages.has(storage) || shared.has(storage)) continue
    const passes = storage.duration === 'step' || storage.duration === 'chunk'
    if (passes && storage.lag === 0 && !lasting.has(storage)) shared.set(storage, scratch.take(sizes.of(storage)))
    else storages.set(storage, own.take(sizes.of(storage)))
  }
  return {
    storages,
    shared,
    instructions,
    parts,
    scratch: scratch.bytes,
    tables: own.take(bytesOfTables(program, ports)),
  }
}
