import { fail } from './errors.ts'
import type { Allocation } from './heap.ts'
import type { Runtime } from './runtime.ts'
import { tensorText } from './tensor-text.ts'

export type Shape = readonly number[]
export type NestedArray = ArrayLike<number> | readonly boolean[] | readonly NestedArray[]
export type FloatArray = Float32Array | Float64Array
/** What a tensor's elements are: the runtime's floating-point type, or 32-bit integers (ids). */
export type ElementKind = 'float' | 'int32'

/** `Symbol.dispose`, also where the host has none yet. */
export const disposeSymbol: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for('Symbol.dispose')

/** What `console.log` asks for. */
const INSPECT = Symbol.for('nodejs.util.inspect.custom')

/**
 * A dense, row-major array in the core's memory. Its elements live as long as their owner says: a tensor from
 * `rt.tensor` until `dispose()`, a module's result until that module's next call.
 */
export class Tensor {
  readonly runtime: Runtime
  readonly shape: Shape
  /** Number of elements. */
  readonly size: number
  /** @internal */
  readonly kind: ElementKind
  /** @internal */
  readonly storage: Allocation
  /** @internal */
  readonly address: number
  readonly #owns: boolean
  readonly #onRead: (() => void) | undefined
  /** What must not be reclaimed before the tensor is. */
  readonly #holds: object | undefined

  /** @internal */
  constructor(
    runtime: Runtime,
    storage: Allocation,
    address: number,
    shape: Shape,
    kind: ElementKind,
    options: { owns?: boolean; onRead?: () => void; holds?: object } = {},
  ) {
    this.runtime = runtime
    this.storage = storage
    this.address = address
    this.shape = Object.isFrozen(shape) ? shape : Object.freeze([...shape])
    this.size = sizeOf(shape)
    this.kind = kind
    this.#owns = options.owns ?? false
    this.#onRead = options.onRead
    this.#holds = options.holds
    // the core trusts shapes and addresses
    Object.freeze(this)
  }

  get disposed(): boolean {
    return !this.storage.alive
  }

  /** A view of the elements: read it anew after any call, for memory may have grown. */
  get data(): FloatArray | Int32Array {
    this.#expectAlive('data')
    this.#onRead?.()
    return this.runtime.arrayAt(this.address, this.size, this.kind)
  }

  /** @internal The same elements as another tensor, which is not reclaimed before this one. */
  heldWith(holds: object): Tensor {
    const { runtime, storage, address, shape, kind } = this
    return new Tensor(runtime, storage, address, shape, kind, { holds: [this.#holds, holds] })
  }

  /** @internal Tells the tensor's owner that it was written. */
  touch(): void {
    this.#onRead?.()
  }

  /** The elements as nested arrays of numbers; a number for a tensor without axes. */
  toArray(): unknown {
    this.#expectAlive('toArray')
    const flat = this.runtime.arrayAt(this.address, this.size, this.kind)
    return nest(flat, this.shape, 0, flat.length)
  }

  /** A copy that belongs to the caller. */
  clone(): Tensor {
    return this.runtime.collector.add(this.copy('clone'))
  }

  /** @internal The same, of no scope. */
  copy(method = 'copy'): Tensor {
    this.#expectAlive(method)
    const copy = this.runtime.emptyTensor(this.shape, this.kind)
    this.runtime.core.copyBytes(copy.address, this.address, this.size * this.runtime.bytesOf(this.kind))
    return copy
  }

  /** Keeps it beyond the scopes that it was made in, until `dispose()`. */
  keep(): Tensor {
    this.#expectAlive('keep')
    if (!this.#owns)
      fail('type', 'Tensor.keep: this tensor belongs to a module; expected one of your own, e.g. clone()')
    this.runtime.collector.keep(this)
    return this
  }

  /** Shape, type and the first values, in a line. */
  toString(): string {
    return tensorText(this)
  }

  /** What `JSON.stringify` writes: an entry of a state dict. */
  toJSON(): { shape: Shape; data: number[] } {
    this.#expectAlive('toJSON')
    return { shape: this.shape, data: Array.from(this.runtime.arrayAt(this.address, this.size, this.kind)) }
  }

  /** @internal What Node, Deno and Bun print. */
  [INSPECT](): string {
    return tensorText(this)
  }

  /** Gives the memory back. Only a tensor of the caller's own can be disposed of; a module's results go with the module. */
  dispose(): void {
    if (!this.#owns) fail('type', 'Tensor.dispose: this tensor belongs to a module; dispose of the module')
    this.storage.dispose()
  }

  [disposeSymbol](): void {
    this.dispose()
  }

  #expectAlive(method: string): void {
    if (!this.storage.alive) fail('disposed', `Tensor.${method}: the tensor was disposed of${this.storage.end}`)
  }
}

/** @internal Is a tensor still there, and of the runtime, kind and shape of another? */
export function isLike({ runtime, kind, shape, storage }: Tensor, other: Tensor): boolean {
  if (runtime !== other.runtime || kind !== other.kind || shape.length !== other.shape.length) return false
  for (let i = 0; i < shape.length; i++) if (shape[i] !== other.shape[i]) return false
  return storage.alive
}

export const sizeOf = (shape: Shape): number => shape.reduce((size, axis) => size * axis, 1)

function nest(flat: FloatArray | Int32Array, shape: Shape, from: number, to: number): unknown {
  if (shape.length === 0) return flat[from]
  if (shape.length === 1) return Array.from(flat.subarray(from, to))
  const each = (to - from) / shape[0]!
  return Array.from({ length: shape[0]! }, (_, i) => nest(flat, shape.slice(1), from + i * each, from + (i + 1) * each))
}
