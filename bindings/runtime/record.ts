/** Records in the core's memory: what the core declares as a class, the bindings list as a format. */
import { roundUp } from './heap.ts'
import type { Runtime } from './runtime.ts'

const WORD = 4
const FLOAT = 8

/** A record's fields in their order: 32-bit words, then float64 numbers. */
export interface RecordFormat<Word extends string = string, Float extends string = string> {
  readonly words: readonly Word[]
  readonly floats: readonly Float[]
  readonly bytes: number
  /** Where a field is: words from the record's start, or bytes for a float64 number. */
  readonly at: Readonly<Record<Word | Float, number>>
}

/** The numbers lie at multiples of their size, as in a class of the core. */
export function recordFormat<const Word extends string, const Float extends string = never>(
  words: readonly Word[],
  floats: readonly Float[] = [],
): RecordFormat<Word, Float> {
  const floatsFrom = roundUp(words.length * WORD, floats.length > 0 ? FLOAT : WORD)
  const places = [
    ...words.map((name, i) => [name, i] as const),
    ...floats.map((name, i) => [name, floatsFrom + i * FLOAT] as const),
  ]
  const at = Object.fromEntries(places) as Record<Word | Float, number>
  return { words, floats, bytes: floatsFrom + floats.length * FLOAT, at }
}

/** The words of a record, 0 where nothing is given: for tables that are written at once. */
export function wordsOf<Word extends string>(
  { words }: RecordFormat<Word>,
  values: Readonly<Partial<Record<Word, number>>>,
): number[] {
  return words.map((name) => values[name] ?? 0)
}

type WordOf<Format extends RecordFormat> = Format['words'][number]
type FloatOf<Format extends RecordFormat> = Format['floats'][number]

/** A record by its address, its fields by name. */
export class CoreRecord<Format extends RecordFormat> {
  readonly address: number
  readonly #runtime: Runtime
  readonly #format: Format

  constructor(runtime: Runtime, address: number, format: Format) {
    this.#runtime = runtime
    this.address = address
    this.#format = format
  }

  set(values: Readonly<Partial<Record<WordOf<Format> | FloatOf<Format>, number>>>): void {
    const { floats, at } = this.#format
    const view = new DataView(this.#runtime.heap.buffer, this.address)
    for (const [name, value] of Object.entries(values) as [string, number][]) {
      if (floats.includes(name)) view.setFloat64(at[name]!, value, true)
      else view.setUint32(at[name]! * WORD, value, true)
    }
  }

  /** One word, without an object on the way: for what changes from call to call. */
  setWord(name: WordOf<Format>, value: number): void {
    this.#runtime.heap.words[(this.address >>> 2) + this.#format.at[name]!] = value
  }

  word(name: WordOf<Format>): number {
    return this.#runtime.heap.words[(this.address >>> 2) + this.#format.at[name]!]!
  }

  float(name: FloatOf<Format>): number {
    return new DataView(this.#runtime.heap.buffer, this.address).getFloat64(this.#format.at[name]!, true)
  }
}
