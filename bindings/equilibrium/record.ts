/** A record in the core's memory, its fields by name. */
import { roundUp } from '../runtime/heap.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Fields } from './format.ts'

/** float64 numbers lie at multiples of 8. */
const floatsFrom = ({ words, floats }: Fields): number => roundUp(words.length * 4, floats.length > 0 ? 8 : 4)

export const bytesOfRecord = (fields: Fields): number => floatsFrom(fields) + fields.floats.length * 8

export class CoreRecord<F extends Fields> {
  readonly address: number
  readonly #runtime: Runtime
  readonly #fields: F

  constructor(runtime: Runtime, address: number, fields: F) {
    this.#runtime = runtime
    this.address = address
    this.#fields = fields
  }

  set(values: Partial<Record<F['words'][number] | F['floats'][number], number>>): void {
    const { buffer } = this.#runtime.heap
    const view = new DataView(buffer, this.address, bytesOfRecord(this.#fields))
    for (const [name, value] of Object.entries(values) as [string, number][]) {
      const word = this.#fields.words.indexOf(name)
      if (word >= 0) view.setUint32(word * 4, value, true)
      else view.setFloat64(this.#offset(name), value, true)
    }
  }

  /** One word, without an object on the way: for what changes from call to call. */
  setWord(name: F['words'][number], value: number): void {
    this.#runtime.heap.words[(this.address >>> 2) + this.#fields.words.indexOf(name)] = value
  }

  word(name: F['words'][number]): number {
    return this.#runtime.heap.words[(this.address >>> 2) + this.#fields.words.indexOf(name)]!
  }

  float(name: F['floats'][number]): number {
    return new DataView(this.#runtime.heap.buffer, this.address).getFloat64(this.#offset(name), true)
  }

  #offset(float: string): number {
    return floatsFrom(this.#fields) + this.#fields.floats.indexOf(float) * 8
  }
}
