/**
 * The memory plan: every value's address and stride for one (T, B), written once into the core's memory together with
 * the instructions. Running a plan allocates nothing.
 */
import { RetrogradError } from '../runtime/errors.ts'
import { type Allocation, roundUp } from '../runtime/heap.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { CompiledProgram, CompiledState, Slot, Storage } from './compile.ts'
import { FINAL, FORMAT_VERSION, KIND, PROGRAM, RUN, STAGE, STATE, UNIT, VALUE } from './format.ts'
import type { Value } from './graph.ts'

const WORD = 4
const ALIGNMENT = 64

/** Rows that a time chunk holds, if the batch is no larger: enough for a weight gradient's product to run at full speed. */
export const CHUNK_ROWS = 256

/** Steps of a time chunk: a fixed grid, so that results never depend on how much of a sequence comes at once. */
export const chunkSteps = (batch: number): number => Math.max(1, Math.floor(CHUNK_ROWS / batch))

/** Where a value is: see assembly/engine/format.ts. */
export interface Entry {
  readonly base: number
  readonly stride: number
  readonly kind: number
}

/** One layer of a call. */
export interface PlanUnit {
  readonly program: CompiledProgram
  readonly invariants: Invariants
  /** Entry of a value that the program does not compute: a parameter, an input (`previous`: the output of the unit before), or a value on the tape. */
  outside(value: Value, previous: Entry | undefined): Entry
  /** Address of a parameter's gradient. */
  gradient(param: string): number
}

/** Memory of one layer that does not depend on (T, B): packed weights, and values that follow from parameters alone. */
export class Invariants {
  readonly #runtime: Runtime
  readonly #allocations = new Map<Value, Map<string, Allocation>>()

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  /** The address of `form` of a value, the same for every program of the layer. */
  address(value: Value, form: 'value' | 'plain' | 'transposed', bytes: number): number {
    let forms = this.#allocations.get(value)
    if (forms === undefined) this.#allocations.set(value, (forms = new Map()))
    let allocation = forms.get(form)
    if (allocation === undefined)
      forms.set(form, (allocation = this.#runtime.heap.allocateZeros(bytes, 'packed weights')))
    return allocation.address
  }

  /** The entry of a value that another program of the layer computed. */
  entry(value: Value): Entry | undefined {
    const allocation = this.#allocations.get(value)?.get('value')
    return allocation && { base: allocation.address, stride: 0, kind: KIND.TIMED }
  }

  dispose(): void {
    for (const forms of this.#allocations.values()) for (const allocation of forms.values()) allocation.dispose()
    this.#allocations.clear()
  }
}

export interface PlanOptions {
  readonly steps: number
  readonly batch: number
  /** From the last step to the first. */
  readonly reversed: boolean
  /** For messages about memory. */
  readonly who: string
}

/** The carry into which a state's incoming gradient enters; the others of the state add to its outgoing one. */
export function firstCarry(program: CompiledProgram, state: string): CompiledState {
  return program.states.find(({ carries }) => carries === state)!
}

/** What keys a call's random draws beside the seed, and whether dropout is on. */
export interface Draws {
  readonly drops: boolean
  readonly module: number
  readonly call: number
}

const NO_DRAWS: Draws = { drops: false, module: 0, call: 0 }

/** Hands out offsets in an area that is allocated afterwards. */
class Layout {
  bytes = 0

  take(bytes: number): number {
    const offset = this.bytes
    this.bytes += roundUp(bytes, ALIGNMENT)
    return offset
  }
}

/** Offsets of a unit's storages and tables, before the plan's memory is allocated. */
interface UnitLayout {
  readonly storages: Map<Storage, { offset: number; shared: boolean }>
  readonly panels: Map<Slot, number>
  readonly tables: number
}

export class Plan {
  readonly steps: number
  readonly batch: number
  readonly storage: Allocation
  readonly #runtime: Runtime
  readonly #units: readonly PlanUnit[]
  readonly #reversed: boolean
  readonly #chunk: number
  readonly #entries: Entry[][]
  readonly #valueTables: number[] = []
  readonly #stateTables: number[] = []
  readonly #run: number

  constructor(runtime: Runtime, units: readonly PlanUnit[], options: PlanOptions) {
    this.#runtime = runtime
    this.#units = units
    this.steps = options.steps
    this.batch = options.batch
    this.#reversed = options.reversed
    this.#chunk = chunkSteps(options.batch)
    const own = new Layout()
    const shared = new Layout()
    this.#run = own.take(RUN.WORDS * WORD)
    const stage = own.take(STAGE.WORDS * WORD)
    const unitTable = own.take(units.length * UNIT.WORDS * WORD)
    const layouts = units.map((unit) => this.#layOut(unit, own, shared))
    const bytes = own.bytes + shared.bytes
    if (bytes > 2 ** 32)
      throw new RetrogradError(
        'memory',
        `${options.who}: needs ${bytes} bytes, more than the 4 GiB that WebAssembly addresses`,
      )
    this.storage = runtime.heap.allocate(bytes, options.who)
    const base = this.storage.address
    this.#run += base
    this.#entries = []
    try {
      for (const [i, layout] of layouts.entries()) this.#entries.push(this.#resolve(i, layout, base, base + own.bytes))
      this.#writeRun(base + stage, base + unitTable)
      for (const [i, layout] of layouts.entries()) this.#writeUnit(i, base + unitTable, base + layout.tables)
    } catch (error) {
      this.storage.dispose()
      throw error
    }
  }

  /** Where unit `unit` has a value. */
  entry(unit: number, value: Value): Entry {
    return this.#entries[unit]![this.#units[unit]!.program.slotOf.get(value)!]!
  }

  /** Points a value from outside (an input) at an address. */
  point(unit: number, value: Value, address: number): void {
    const slot = this.#units[unit]!.program.slotOf.get(value)
    if (slot === undefined) return
    this.#write(this.#valueTables[unit]! + (slot * VALUE.WORDS + VALUE.BASE) * WORD, [address])
  }

  /** Where a state's first value comes from and its last one goes to; 0 for zeros and nowhere. */
  setState(unit: number, state: number, initial: number, final: number): void {
    this.#write(this.#stateTables[unit]! + (state * STATE.WORDS + STATE.INITIAL) * WORD, [initial, final])
  }

  /** One call into the core. */
  run(refresh: boolean, draws: Draws = NO_DRAWS): void {
    const { seed } = this.#runtime
    const key = [seed >>> 0, Math.floor(seed / 2 ** 32), draws.module, draws.call]
    this.#write(this.#run + RUN.REFRESH * WORD, [Number(refresh), Number(draws.drops), ...key])
    this.#runtime.core.run(this.#run)
  }

  dispose(): void {
    this.storage.dispose()
  }

  #write(address: number, words: readonly number[]): void {
    this.#runtime.heap.words.set(words, address >>> 2)
  }

  #layOut({ program }: PlanUnit, own: Layout, shared: Layout): UnitLayout {
    const scratch = new Layout()
    const storages: UnitLayout['storages'] = new Map()
    const panels = new Map<Slot, number>()
    const outputs = new Set(program.graph.outputs.map((output) => program.slots[program.slotOf.get(output)!]))
    const lasting = new Set([...outputs].map((slot) => (slot?.kind === 'storage' ? slot.storage : undefined)))
    for (const slot of program.slots) {
      if (slot.kind === 'panels')
        panels.set(slot, scratch.take(this.#runtime.core.gemmTnScratch(slot.columns) * this.#runtime.elementBytes))
      if (slot.kind === 'elimination')
        panels.set(slot, scratch.take(this.#runtime.core.solveScratch(slot.rows, slot.columns)))
      if (slot.kind !== 'storage' || slot.storage.duration === 'call' || storages.has(slot.storage)) continue
      const isShared = slot.storage.lag === 0 && slot.storage.duration !== 'timed' && !lasting.has(slot.storage)
      storages.set(slot.storage, {
        offset: (isShared ? scratch : own).take(this.#storageBytes(slot.storage)),
        shared: isShared,
      })
    }
    shared.bytes = Math.max(shared.bytes, scratch.bytes)
    const words = Object.values(program.words).reduce((total, segment) => total + segment.length, 0)
    const tables = program.slots.length * VALUE.WORDS + program.states.length * STATE.WORDS + PROGRAM.WORDS + words
    return { storages, panels, tables: own.take(tables * WORD) }
  }

  #rowBytes(value: Value): number {
    return this.batch * value.columns * this.#runtime.elementBytes
  }

  #storageBytes({ duration, value, lag }: Storage): number {
    const steps = duration === 'timed' ? this.steps : duration === 'chunk' ? this.#chunk : 1
    return (steps + lag) * this.#rowBytes(value)
  }

  #resolve(index: number, layout: UnitLayout, own: number, shared: number): Entry[] {
    const unit = this.#units[index]!
    const previous = index > 0 ? this.entry(index - 1, this.#units[index - 1]!.program.graph.outputs[0]!) : undefined
    const entries: Entry[] = []
    for (const slot of unit.program.slots) {
      const entry =
        slot.kind === 'outside'
          ? unit.outside(slot.value, previous)
          : this.#entryOf(slot, unit, layout, own, shared, entries)
      entries.push(entry)
    }
    return entries
  }

  #entryOf(
    slot: Exclude<Slot, { kind: 'outside' }>,
    unit: PlanUnit,
    layout: UnitLayout,
    own: number,
    shared: number,
    before: readonly Entry[],
  ): Entry {
    const { core, elementBytes } = this.#runtime
    const fixed = (base: number): Entry => ({ base, stride: 0, kind: KIND.TIMED })
    switch (slot.kind) {
      case 'tile':
        return {
          base: core.CHAIN_SCRATCH.value + slot.tile * core.CHAIN_ELEMENTS.value * 8,
          stride: 0,
          kind: KIND.TILE,
        }
      case 'rows':
        return fixed(before[slot.of]!.base + slot.offset * elementBytes)
      case 'packed': {
        const form = slot.transposed ? 'transposed' : 'plain'
        const rows = slot.value.rows as number
        const [columns, depth] = slot.transposed ? [rows, slot.value.columns] : [slot.value.columns, rows]
        return fixed(unit.invariants.address(slot.value, form, core.packedElements(columns, depth) * elementBytes))
      }
      case 'panels':
      case 'elimination':
        return fixed(shared + layout.panels.get(slot)!)
      case 'gradient':
        return fixed(unit.gradient(slot.param) + slot.firstElement * elementBytes)
      case 'storage':
        return this.#storageEntry(slot.storage, slot.back, unit, layout, own, shared)
    }
  }

  /** A history starts with the slots before its first step, or ends with those after its last one where time runs backward. */
  #storageEntry(
    storage: Storage,
    back: number,
    unit: PlanUnit,
    layout: UnitLayout,
    own: number,
    shared: number,
  ): Entry {
    const { value, duration, lag } = storage
    if (duration === 'call') {
      const bytes = (value.rows as number) * value.columns * this.#runtime.elementBytes
      return { base: unit.invariants.address(value, 'value', bytes), stride: 0, kind: KIND.TIMED }
    }
    const place = layout.storages.get(storage)!
    const stride = this.#rowBytes(value)
    const slots = this.#reversed ? back : lag - back
    const base = (place.shared ? shared : own) + place.offset + slots * stride
    return { base, stride: duration === 'step' ? 0 : stride, kind: duration === 'chunk' ? KIND.CHUNK : KIND.TIMED }
  }

  #writeRun(stage: number, unitTable: number): void {
    const run: number[] = new Array(RUN.WORDS).fill(0)
    run[RUN.VERSION] = FORMAT_VERSION
    run[RUN.STEPS] = this.steps
    run[RUN.ROWS] = this.batch
    run[RUN.CHUNK_STEPS] = this.#chunk
    run[RUN.STAGES] = 1
    run[RUN.STAGE_TABLE] = stage
    run[RUN.UNIT_TABLE] = unitTable
    run[RUN.SEEDS] = 1
    this.#write(this.#run, run)
    this.#write(stage, [Number(this.#reversed), 0, this.#units.length])
  }

  #writeUnit(index: number, unitTable: number, address: number): void {
    const { program } = this.#units[index]!
    const values = this.#entries[index]!.flatMap(({ base, stride, kind }) => [base, stride, kind, 0])
    const stateTable = address + values.length * WORD
    const states = program.states.flatMap((state) => {
      const mode =
        state.carries === undefined
          ? FINAL.COPY
          : state === firstCarry(program, state.carries)
            ? FINAL.SUM
            : FINAL.ADD_SUM
      return [state.slot, this.batch * state.columns, state.lag, 0, 0, mode]
    })
    const header = stateTable + states.length * WORD
    const code = Object.values(program.words).flat()
    this.#valueTables.push(address)
    this.#stateTables.push(stateTable)
    this.#write(unitTable + index * UNIT.WORDS * WORD, [header, address, program.states.length, stateTable])
    this.#write(address, values)
    this.#write(stateTable, states)
    this.#write(header, [...this.#segmentTable(program, header + PROGRAM.WORDS * WORD), ...code])
  }

  #segmentTable(program: CompiledProgram, code: number): number[] {
    const table: number[] = new Array(PROGRAM.WORDS).fill(0)
    let address = code
    for (const [segment, words] of Object.entries(program.words)) {
      const field = PROGRAM[segment.toUpperCase() as keyof typeof PROGRAM]
      table[field] = address
      table[field + 1] = words.length
      address += words.length * WORD
    }
    return table
  }
}
