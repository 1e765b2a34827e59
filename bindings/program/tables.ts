/** A unit in the core's memory: its values, states, ports and segments, table by table, then the instructions. */
import { fail } from '../runtime/errors.ts'
import { wordsOf } from '../runtime/record.ts'
import type { CompiledProgram, CompiledState } from './compile.ts'
import type { Entry } from './entry.ts'
import { SEGMENT } from './format.ts'
import * as records from './records.ts'
import type { PlanUnit, Port } from './stage.ts'

const WORD = 4

export interface UnitTables {
  /** The record that names the tables. */
  readonly record: readonly number[]
  /** The tables themselves. */
  readonly words: readonly number[]
  /** Addresses of those in which calls point something anew. */
  readonly valueTable: number
  readonly stateTable: number
  readonly portTable: number
}

export function bytesOfTables({ slots, states, words }: CompiledProgram, ports: readonly Port[]): number {
  const segments = Object.values(words)
  const tables =
    slots.length * records.ENTRY.bytes +
    states.length * records.STATE.bytes +
    ports.length * records.PORT.bytes +
    segments.length * records.SEGMENT.bytes
  return tables + segments.reduce((total, { length }) => total + length, 0) * WORD
}

/** @param entries where the values of the program's slots are */
export function tablesOf(
  address: number,
  { program, ports }: PlanUnit,
  entries: readonly Entry[],
  elementBytes: number,
): UnitTables {
  const values = entries.flatMap((entry) => wordsOf(records.ENTRY, entry))
  const states = program.states.flatMap(wordsOfState)
  const portWords = ports.flatMap((port) => wordsOfPort(program, port, elementBytes))
  const stateTable = address + values.length * WORD
  const portTable = stateTable + states.length * WORD
  const segmentTable = portTable + portWords.length * WORD
  const record = wordsOf(records.UNIT, {
    program: segmentTable,
    values: address,
    states: program.states.length,
    stateTable,
    ports: ports.length,
    portTable,
  })
  const words = [...values, ...states, ...portWords, ...wordsOfProgram(program, segmentTable)]
  return { record, words, valueTable: address, stateTable, portTable }
}

/** Histories come from nowhere and go nowhere until a call says otherwise. */
function wordsOfState({ slot, columns, lag, carries }: CompiledState): number[] {
  return wordsOf(records.STATE, { value: slot, columns, lag, carry: Number(carries !== undefined) })
}

function wordsOfPort(program: CompiledProgram, port: Port, elementBytes: number): number[] {
  const value = program.slotOf.get(port.value)
  if (value === undefined) fail('internal', 'plan: a port has no value')
  const { address, stepStride, rowStride, mode, clear } = port
  return wordsOf(records.PORT, {
    value,
    address,
    stepStride,
    rowStride,
    bytes: port.value.columns * elementBytes,
    mode,
    clear,
  })
}

/** The table of segments, and behind it their instructions. */
function wordsOfProgram({ words }: CompiledProgram, table: number): number[] {
  const segments: number[][] = []
  let code = table + Object.keys(words).length * records.SEGMENT.bytes
  for (const [name, { length }] of Object.entries(words)) {
    segments[SEGMENT[name.toUpperCase() as keyof typeof SEGMENT]] = wordsOf(records.SEGMENT, { code, words: length })
    code += length * WORD
  }
  return [...segments.flat(), ...Object.values(words).flat()]
}
