/**
 * The memory plan: every value's address and stride for one (T, B), written once into the core's memory together with
 * the instructions. Running a plan allocates nothing; what runs over which steps is the itinerary's (itinerary.ts).
 */
import { RetrogradError } from '../runtime/errors.ts'
import type { Allocation } from '../runtime/heap.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { CompiledProgram, CompiledState, Slot } from './compile.ts'
import { KIND, PORT, PROGRAM, RUN, STAGE, STATE, UNIT, VALUE } from './format.ts'
import type { Value } from './graph.ts'
import type { Invariants } from './invariants.ts'
import { type Layout, type UnitLayout, layOut } from './layout.ts'
import type { Storage } from './storage.ts'

const WORD = 4

/** Where a value is: see assembly/engine/format.ts. */
export interface Entry {
  readonly base: number
  readonly stride: number
  readonly kind: number
}

/** Rows that come from an array outside or go to one: see assembly/engine/format.ts. */
export interface Port {
  readonly value: Value
  readonly mode: number
  /** 0 where each call points it anew. */
  readonly address: number
  readonly stepStride: number
  readonly rowStride: number
  /** Bytes that become 0 when the stage begins. */
  readonly clear?: number
}

/** One layer in one direction. */
export interface PlanUnit {
  readonly program: CompiledProgram
  readonly invariants: Invariants
  /** Entry of a value that the program does not compute: a parameter, an input (`previous`: the output of the unit before), or a value on the tape. */
  outside(value: Value, previous: Entry | undefined): Entry
  /** Where a parameter's gradient is. */
  gradient(param: string): Entry
  readonly ports: readonly Port[]
}

/** Units that run chunk by chunk in one direction of time. */
export interface Stage {
  /** From the last step to the first. */
  readonly reversed: boolean
  readonly units: readonly PlanUnit[]
}

export interface PlanOptions {
  readonly steps: number
  readonly batch: number
  /** Steps that the tape holds at a time; all if left out. */
  readonly tapeSteps?: number
  /** Steps of a time chunk, if not the usual number. */
  readonly chunk?: number
  /** Address of the samples' lengths; 0 if left out. */
  readonly lengths?: number
  /** For messages about memory. */
  readonly who: string
}

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

  constructor(runtime: Runtime, stages: readonly Stage[], options: PlanOptions) {
    this.#runtime = runtime
    this.#stages = stages
    this.#units = stages.flatMap(({ units }) => units)
    this.steps = options.steps
    this.batch = options.batch
    this.#layout = layOut(runtime, stages, options)
    const { bytes } = this.#layout
    if (bytes > 2 ** 32)
      throw new RetrogradError(
        'memory',
        `${options.who}: needs ${bytes} bytes, more than the 4 GiB that WebAssembly addresses`,
      )
    this.storage = runtime.heap.allocate(bytes, options.who)
    this.address = this.storage.address
    try {
      this.#resolveAll()
      this.#writeRun(options.lengths ?? 0)
      for (const [i, layout] of this.#layout.units.entries()) this.#writeUnit(i, layout)
    } catch (error) {
      this.storage.dispose()
      throw error
    }
  }

  /** Where unit `unit` has a value. */
  entry(unit: number, value: Value): Entry {
    return this.#entries[unit]![this.#units[unit]!.program.slotOf.get(value)!]!
  }

  /** Address of a unit's words, for whoever runs it otherwise than by legs. */
  unitAddress(unit: number): number {
    return this.address + this.#layout.unitTable + unit * UNIT.WORDS * WORD
  }

  /** Does a unit's program use a value? */
  has(unit: number, value: Value): boolean {
    return this.#units[unit]!.program.slotOf.has(value)
  }

  /** Points a value from outside (an input) at an address; `stride` in bytes if it is not the planned one. */
  point(unit: number, value: Value, address: number, stride?: number): void {
    const slot = this.#units[unit]!.program.slotOf.get(value)
    if (slot === undefined) return
    const words = stride === undefined ? [address] : [address, stride]
    this.#write(this.#valueTables[unit]! + (slot * VALUE.WORDS + VALUE.BASE) * WORD, words)
  }

  /** Points a port at an array outside; strides in bytes if they are not the planned ones. */
  pointPort(unit: number, port: number, address: number, stepStride?: number, rowStride?: number): void {
    const words = stepStride === undefined || rowStride === undefined ? [address] : [address, stepStride, rowStride]
    this.#write(this.#portTables[unit]! + (port * PORT.WORDS + PORT.ADDRESS) * WORD, words)
  }

  setState(unit: number, state: number, ends: StateEnds): void {
    const { initial = 0, final = 0, pastInitial = 0, pastFinal = 0, pastStride = 0 } = ends
    const words = [initial, final, pastInitial, pastFinal, pastStride]
    this.#write(this.#stateTables[unit]! + (state * STATE.WORDS + STATE.INITIAL) * WORD, words)
  }

  /** Sets what differs from call to call: are packed weights stale, and the key of random draws. */
  prepare(refresh: boolean, draws: Draws = NO_DRAWS): void {
    const { words } = this.#runtime.heap
    const { seed } = this.#runtime
    const run = this.address >>> 2
    words[run + RUN.REFRESH] = Number(refresh)
    words[run + RUN.DROPS] = Number(draws.drops)
    words[run + RUN.KEY] = seed >>> 0
    words[run + RUN.KEY + 1] = Math.floor(seed / 2 ** 32)
    words[run + RUN.KEY + 2] = draws.module
    words[run + RUN.KEY + 3] = draws.call
  }

  dispose(): void {
    this.storage.dispose()
  }

  #write(address: number, words: readonly number[]): void {
    this.#runtime.heap.words.set(words, address >>> 2)
  }

  #resolveAll(): void {
    let unit = 0
    for (const { units, reversed } of this.#stages) {
      let previous: Entry | undefined
      for (const { program } of units) {
        this.#entries.push(this.#resolve(unit, reversed, previous))
        previous = this.entry(unit++, program.graph.outputs[0]!)
      }
    }
  }

  #resolve(index: number, reversed: boolean, previous: Entry | undefined): Entry[] {
    const unit = this.#units[index]!
    const layout = this.#layout.units[index]!
    const entries: Entry[] = []
    for (const slot of unit.program.slots) {
      const entry =
        slot.kind === 'outside'
          ? unit.outside(slot.value, previous)
          : this.#entryOf(slot, unit, layout, reversed, entries)
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
      case 'scratch':
        return fixed(this.address + layout.instructions.get(slot)!)
      case 'gradient': {
        const { base, ...entry } = unit.gradient(slot.param)
        return { ...entry, base: base + slot.firstElement * elementBytes }
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
      return { base: unit.invariants.address(value, 'value', bytes), stride: 0, kind: KIND.TIMED }
    }
    const stride = this.batch * value.columns * this.#runtime.elementBytes
    const slots = reversed ? back : lag - back
    const base = this.address + layout.storages.get(storage)! + slots * stride
    const kinds = { chunk: KIND.CHUNK, tape: KIND.SEGMENT, timed: KIND.TIMED, step: KIND.TIMED }
    return { base, stride: duration === 'step' ? 0 : stride, kind: kinds[duration] }
  }

  #writeRun(lengths: number): void {
    const run: number[] = new Array(RUN.WORDS).fill(0)
    const { stages, unitTable, chunk } = this.#layout
    run[RUN.STEPS] = this.steps
    run[RUN.ROWS] = this.batch
    run[RUN.CHUNK_STEPS] = chunk
    run[RUN.STAGE_TABLE] = this.address + stages
    run[RUN.UNIT_TABLE] = this.address + unitTable
    run[RUN.LENGTHS] = lengths
    this.#write(this.address, run)
    let first = 0
    for (const [i, { reversed, units }] of this.#stages.entries()) {
      this.#write(this.address + stages + i * STAGE.WORDS * WORD, [Number(reversed), first, units.length])
      first += units.length
    }
  }

  #writeUnit(index: number, layout: UnitLayout): void {
    const { program, ports } = this.#units[index]!
    const valueTable = this.address + layout.tables
    const values = this.#entries[index]!.flatMap(({ base, stride, kind }) => [base, stride, kind])
    const stateTable = valueTable + values.length * WORD
    const states = program.states.flatMap(({ slot, columns, lag, carries }) => {
      const isCarry = Number(carries !== undefined)
      return [slot, columns, lag, isCarry, 0, 0, 0, 0, 0]
    })
    const portTable = stateTable + states.length * WORD
    const portWords = ports.flatMap((port) => this.#portWords(program, port))
    const header = portTable + portWords.length * WORD
    const code = Object.values(program.words).flat()
    this.#valueTables.push(valueTable)
    this.#stateTables.push(stateTable)
    this.#portTables.push(portTable)
    this.#write(this.unitAddress(index), [
      header,
      valueTable,
      program.states.length,
      stateTable,
      ports.length,
      portTable,
    ])
    const segments = this.#segmentTable(program, header + PROGRAM.WORDS * WORD)
    this.#write(valueTable, [...values, ...states, ...portWords, ...segments, ...code])
  }

  #portWords(program: CompiledProgram, port: Port): number[] {
    const slot = program.slotOf.get(port.value)
    if (slot === undefined) throw new RetrogradError('internal', 'plan: a port has no value')
    const bytes = port.value.columns * this.#runtime.elementBytes
    return [slot, port.address, port.stepStride, port.rowStride, bytes, port.mode, port.clear ?? 0]
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
