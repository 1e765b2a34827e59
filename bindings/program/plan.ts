/**
 * The memory plan: every value's address and stride for one (T, B), written once into the core's memory together with
 * the instructions. Running a plan allocates nothing; what runs over which steps is the itinerary's (itinerary.ts).
 */
import { fail } from '../runtime/errors.ts'
import type { Allocation } from '../runtime/heap.ts'
import { wordsOf } from '../runtime/record.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Scope } from '../runtime/scope.ts'
import type { CompiledProgram, CompiledState, Slot } from './compile.ts'
import { type Entry, fixedEntry } from './entry.ts'
import { KIND } from './format.ts'
import type { Value } from './graph.ts'
import { type Layout, type UnitLayout, layOut } from './layout.ts'
import * as records from './records.ts'
import type { PlanOptions, PlanUnit, Stage } from './stage.ts'
import type { Storage } from './storage.ts'
import { tablesOf } from './tables.ts'

/** Which words of a record what differs from call to call is: known beforehand, so that nothing is made on the way. */
const [RUN, ENTRY, STATE, PORT] = [records.RUN.at, records.ENTRY.at, records.STATE.at, records.PORT.at]

/** Where a state's history comes from and goes to; 0 for zeros and nowhere. */
export interface StateEnds {
  readonly initial?: number
  readonly final?: number
  readonly pastInitial?: number
  readonly pastFinal?: number
  /** Bytes between the entries of a past. */
  readonly pastStride?: number
}

/** What keys a call's random draws beside the seed, and whether dropout is on. */
export interface Draws {
  readonly drops: boolean
  readonly module: number
  readonly call: number
}

const NO_DRAWS: Draws = { drops: false, module: 0, call: 0 }

/** The carry into which a state's incoming gradient enters: the one that is read furthest on, so that it holds a whole history. */
export function widestCarry(program: CompiledProgram, state: string): CompiledState {
  const carries = program.states.filter(({ carries }) => carries === state)
  return carries.reduce((widest, carry) => (carry.lag > widest.lag ? carry : widest))
}

export class Plan {
  readonly steps: number
  readonly batch: number
  readonly storage: Allocation
  /** Address of the run's words. */
  readonly address: number
  readonly #runtime: Runtime
  readonly #stages: readonly Stage[]
  readonly #units: readonly PlanUnit[]
  readonly #layout: Layout
  readonly #entries: Entry[][] = []
  readonly #valueTables: number[] = []
  readonly #stateTables: number[] = []
  readonly #portTables: number[] = []

  constructor(scope: Scope, stages: readonly Stage[], options: PlanOptions) {
    const { runtime } = scope
    this.#runtime = runtime
    this.#stages = stages
    this.#units = stages.flatMap(({ units }) => units)
    this.steps = options.steps
    this.batch = options.batch
    this.#layout = layOut(runtime, stages, options)
    const { bytes } = this.#layout
    if (bytes > 2 ** 32)
      fail('memory', `${options.who}: needs ${bytes} bytes, more than the 4 GiB that WebAssembly addresses`)
    this.storage = scope.allocate(bytes, options.who)
    this.address = this.storage.address
    this.#resolveAll()
    this.#writeRun(options.lengths ?? 0)
    for (const [i, layout] of this.#layout.units.entries()) this.#writeUnit(i, layout)
    this.#clearParts()
  }

  /** Where unit `unit` has a value. */
  entry(unit: number, value: Value): Entry {
    return this.#entries[unit]![this.#units[unit]!.program.slotOf.get(value)!]!
  }

  /** Address of a unit's words, for whoever runs it otherwise than by legs. */
  unitAddress(unit: number): number {
    return this.address + this.#layout.unitTable + unit * records.UNIT.bytes
  }

  /** Does a unit's program use a value? */
  has(unit: number, value: Value): boolean {
    return this.#units[unit]!.program.slotOf.has(value)
  }

  /** Points a value from outside (an input) at an address; `stride` in bytes if it is not the planned one. */
  point(unit: number, value: Value, address: number, stride?: number): void {
    const slot = this.#units[unit]!.program.slotOf.get(value)
    if (slot === undefined) return
    const { words } = this.#runtime.heap
    const entry = (this.#valueTables[unit]! + slot * records.ENTRY.bytes) >>> 2
    words[entry + ENTRY.base] = address
    if (stride !== undefined) words[entry + ENTRY.stride] = stride
  }

  /** Points a port at an array outside; strides in bytes if they are not the planned ones. */
  pointPort(unit: number, port: number, address: number, stepStride?: number, rowStride?: number): void {
    const { words } = this.#runtime.heap
    const place = (this.#portTables[unit]! + port * records.PORT.bytes) >>> 2
    words[place + PORT.address] = address
    if (stepStride !== undefined) words[place + PORT.stepStride] = stepStride
    if (rowStride !== undefined) words[place + PORT.rowStride] = rowStride
  }

  setState(unit: number, state: number, ends: StateEnds): void {
    const { initial = 0, final = 0, pastInitial = 0, pastFinal = 0, pastStride = 0 } = ends
    const { words } = this.#runtime.heap
    const place = (this.#stateTables[unit]! + state * records.STATE.bytes) >>> 2
    words[place + STATE.initial] = initial
    words[place + STATE.final] = final
    words[place + STATE.pastInitial] = pastInitial
    words[place + STATE.pastFinal] = pastFinal
    words[place + STATE.pastStride] = pastStride
  }

  /** Sets what differs from call to call: are packed weights stale, and the key of random draws. */
  prepare(refresh: boolean, draws: Draws = NO_DRAWS): void {
    const { words } = this.#runtime.heap
    const { seed } = this.#runtime
    const run = this.address >>> 2
    words[run + RUN.refresh] = Number(refresh)
    words[run + RUN.drops] = Number(draws.drops)
    words[run + RUN.seedLow] = seed >>> 0
    words[run + RUN.seedHigh] = Math.floor(seed / 2 ** 32)
    words[run + RUN.module] = draws.module
    words[run + RUN.call] = draws.call
  }

  /** Folding leaves them zeros for the next call. */
  #clearParts(): void {
    const { core, elementBytes } = this.#runtime
    const { units, parts } = this.#layout
    for (const [slot, offset] of units.flatMap((unit) => [...unit.parts])) {
      if (slot.kind !== 'parts') continue
      core.zeroBytes(this.address + offset, parts.levels * slot.elements * elementBytes)
    }
  }

  #write(address: number, words: readonly number[]): void {
    this.#runtime.heap.words.set(words, address >>> 2)
  }

  #resolveAll(): void {
    let unit = 0
    for (const { units, reversed } of this.#stages) {
      let below: readonly Entry[] = []
      for (const { program } of units) {
        this.#entries.push(this.#resolve(unit, reversed, below))
        below = program.graph.outputs.map((output) => this.entry(unit, output))
        unit++
      }
    }
  }

  #resolve(index: number, reversed: boolean, below: readonly Entry[]): Entry[] {
    const unit = this.#units[index]!
    const layout = this.#layout.units[index]!
    const entries: Entry[] = []
    for (const slot of unit.program.slots) {
      const entry =
        slot.kind === 'outside' ? unit.outside(slot.value, below) : this.#entryOf(slot, unit, layout, reversed, entries)
      entries.push(entry)
    }
    return entries
  }

  #entryOf(
    slot: Exclude<Slot, { kind: 'outside' }>,
    unit: PlanUnit,
    layout: UnitLayout,
    reversed: boolean,
    before: readonly Entry[],
  ): Entry {
    const { core, elementBytes } = this.#runtime
    switch (slot.kind) {
      case 'tile':
        return {
          base: core.CHAIN_SCRATCH.value + slot.tile * core.CHAIN_ELEMENTS.value * 8,
          stride: 0,
          kind: KIND.TILE,
        }
      case 'rows':
        return fixedEntry(before[slot.of]!.base + slot.offset * elementBytes)
      case 'packed': {
        const form = slot.transposed ? 'transposed' : 'plain'
        const rows = slot.value.rows as number
        const [columns, depth] = slot.transposed ? [rows, slot.value.columns] : [slot.value.columns, rows]
        return fixedEntry(unit.invariants.address(slot.value, form, core.packedElements(columns, depth) * elementBytes))
      }
      case 'scratch':
        return fixedEntry(this.address + layout.instructions.get(slot)!)
      case 'gradient': {
        const { base, ...entry } = unit.gradient(slot.param)
        return { ...entry, base: base + slot.firstElement * elementBytes }
      }
      case 'parts': {
        const offset = layout.parts.get(slot)
        return offset === undefined ? before[slot.of]! : fixedEntry(this.address + offset)
      }
      case 'storage':
        return this.#storageEntry(slot.storage, slot.back, unit, layout, reversed)
    }
  }

  /** A history starts with the slots before its first step, or ends with those after its last one where time runs backward. */
  #storageEntry(storage: Storage, back: number, unit: PlanUnit, layout: UnitLayout, reversed: boolean): Entry {
    const { value, duration, lag } = storage
    if (duration === 'call') {
      const bytes = (value.rows as number) * value.columns * this.#runtime.elementBytes
      return fixedEntry(unit.invariants.address(value, 'value', bytes))
    }
    const stride = this.batch * value.columns * this.#runtime.elementBytes
    const slots = reversed ? back : lag - back
    const base = this.address + layout.storages.get(storage)! + slots * stride
    const kinds = { chunk: KIND.CHUNK, tape: KIND.TAPE, timed: KIND.TIMED, step: KIND.TIMED }
    return { base, stride: duration === 'step' ? 0 : stride, kind: kinds[duration] }
  }

  #writeRun(lengths: number): void {
    const stageTable = this.address + this.#layout.stages
    const unitTable = this.address + this.#layout.unitTable
    const { steps, batch } = this
    const { chunk: chunkSteps, parts } = this.#layout
    const folds = { foldPieces: parts.pieces, foldLevels: parts.levels }
    const run = { steps, rows: batch, chunkSteps, stageTable, unitTable, lengths, ...folds }
    this.#write(this.address, wordsOf(records.RUN, run))
    let firstUnit = 0
    const stages = this.#stages.flatMap(({ reversed, units }) => {
      const stage = wordsOf(records.STAGE, { reversed: Number(reversed), firstUnit, units: units.length })
      firstUnit += units.length
      return stage
    })
    this.#write(stageTable, stages)
  }

  #writeUnit(index: number, layout: UnitLayout): void {
    const address = this.address + layout.tables
    const { elementBytes } = this.#runtime
    const { record, words, valueTable, stateTable, portTable } = tablesOf(
      address,
      this.#units[index]!,
      this.#entries[index]!,
      elementBytes,
    )
    this.#valueTables.push(valueTable)
    this.#stateTables.push(stateTable)
    this.#portTables.push(portTable)
    this.#write(this.unitAddress(index), record)
    this.#write(address, words)
  }
}
