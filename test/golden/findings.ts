/** What a program gave, and its hash. */
import { createHash } from 'node:crypto'

type Plain = number | boolean | string
type TypedArray = Float32Array | Float64Array | Int32Array | Uint8Array

interface Entry {
  readonly head: string
  readonly bytes: Uint8Array
}

/** Named arrays. Each is copied when it is taken, for a module's results last only until its next call. */
export class Findings {
  readonly #entries = new Map<string, Entry>()

  /**
   * Takes all that `value` holds under names that begin with `name`; what is undefined is left out.
   *
   * @param value a number, a tensor, an array, what else has a shape and data, or an object or list of these
   */
  take(name: string, value: unknown): void {
    if (value === undefined) return
    if (!isObject(value)) this.#put(name, [], [value as Plain])
    else if (isShaped(value)) this.#put(name, value.shape, value.data)
    else if (isTyped(value) || (Array.isArray(value) && value.every(isPlain))) this.#put(name, [value.length], value)
    else if (Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype)
      for (const [key, part] of Object.entries(value)) this.take(`${name}.${key}`, part)
    else throw new TypeError(`${name} is a ${value.constructor.name}; expected numbers, or objects that hold them`)
  }

  /** sha256 of all names, shapes and bytes, in the order of the names. */
  hash(): string {
    const sum = createHash('sha256')
    for (const name of this.#names()) for (const part of this.#parts(name)) sum.update(part)
    return sum.digest('hex')
  }

  /** The same of each array by itself: where two runs part. */
  hashes(): [name: string, hash: string][] {
    return this.#names().map((name) => {
      const sum = createHash('sha256')
      for (const part of this.#parts(name)) sum.update(part)
      return [name, sum.digest('hex')]
    })
  }

  #names(): string[] {
    return [...this.#entries.keys()].sort()
  }

  #parts(name: string): (string | Uint8Array)[] {
    const { head, bytes } = this.#entries.get(name)!
    return [`${name} ${head} ${bytes.length}\n`, bytes]
  }

  #put(name: string, shape: readonly number[], data: ArrayLike<Plain>): void {
    if (this.#entries.has(name)) throw new Error(`'${name}' is taken twice`)
    const { type, bytes } = encode(data)
    this.#entries.set(name, { head: `${type}[${shape}]`, bytes })
  }
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null
const isShaped = (value: object): value is { shape: readonly number[]; data: ArrayLike<Plain> } =>
  'shape' in value && 'data' in value
const isTyped = (value: object): value is TypedArray => ArrayBuffer.isView(value)
const isPlain = (value: unknown): value is Plain => !isObject(value) && value !== undefined

/** Little-endian bytes of numbers; text for what is none. */
function encode(data: ArrayLike<Plain>): { type: string; bytes: Uint8Array } {
  if (isTyped(data)) return { type: data.constructor.name, bytes: bytesOf(data.slice()) }
  const list = Array.from(data)
  if (list.every((value) => typeof value === 'number'))
    return { type: 'Float64Array', bytes: bytesOf(Float64Array.from(list)) }
  return { type: 'text', bytes: new TextEncoder().encode(JSON.stringify(list)) }
}

/** The bits of a NaN are the engine's choice: all become one. */
function bytesOf(own: TypedArray): Uint8Array {
  const words = own instanceof Float64Array ? [0, 0x7ff80000] : [0x7fc00000]
  if (own instanceof Float32Array || own instanceof Float64Array) {
    const bits = new Uint32Array(own.buffer)
    for (let i = 0; i < own.length; i++) if (Number.isNaN(own[i])) bits.set(words, i * words.length)
  }
  return new Uint8Array(own.buffer)
}
