import { instantiateSync } from '@assemblyscript/loader'
import { type Variant, SHIPPED, hostRunsRelaxed, loadBinary } from './binaries.ts'
import { describeValue, expectOneOf, expectOptions, fail, isShape, shapeText } from './check.ts'
import { Collector } from './collector.ts'
import type { Core } from './core.ts'
import { Heap } from './heap.ts'
import {
  type ElementKind,
  type FloatArray,
  type NestedArray,
  type Shape,
  Tensor,
  disposeSymbol,
  sizeOf,
} from './tensor.ts'

export type Dtype = 'float32' | 'float64'

export interface RuntimeOptions {
  /** Seed of every random draw; 0 if left out. */
  seed?: number
  /** Type of all numbers; 'float32' if left out. */
  dtype?: Dtype
  /** 'simd' promises the same bits everywhere; 'auto' (the default) takes 'relaxed' where the host compiles it. */
  variant?: 'auto' | 'simd' | 'relaxed'
  /** A binary of the caller's own: a compiled module, bytes, an address to fetch, or a response. */
  wasm?: object | string
  /** Greatest size of the core's memory, in bytes; 4 GiB if left out. */
  maxMemory?: number
}

const OPTIONS = ['seed', 'dtype', 'variant', 'wasm', 'maxMemory']
const FOUR_GIB = 2 ** 32

/**
 * Makes a runtime: an instance of the core with memory of its own.
 *
 * @throws RetrogradError 'option' for an unknown option, 'unsupported' for a variant that the host or this entry lacks
 */
export async function createRuntime(options: RuntimeOptions = {}): Promise<Runtime> {
  expectOptions('createRuntime', options, OPTIONS)
  const { seed = 0, dtype = 'float32', variant = 'auto', maxMemory = FOUR_GIB } = options
  expectOneOf('createRuntime', 'dtype', dtype, ['float32', 'float64'])
  expectOneOf('createRuntime', 'variant', variant, ['auto', 'simd', 'relaxed'])
  if (!Number.isSafeInteger(seed) || seed < 0)
    fail('option', `createRuntime: seed is ${describeValue(seed)}; expected a whole number >= 0`)
  if (!(typeof maxMemory === 'number' && maxMemory > 0))
    fail('option', `createRuntime: maxMemory is ${describeValue(maxMemory)}; expected a number of bytes > 0`)
  const binary =
    options.wasm === undefined ? await loadBinary(chooseVariant(dtype, variant)) : await fetchBinary(options.wasm)
  return new Runtime(instantiate(await compileBinary(binary)), seed, Math.min(maxMemory, FOUR_GIB))
}

function chooseVariant(dtype: Dtype, variant: 'auto' | 'simd' | 'relaxed'): Variant {
  if (dtype === 'float64') {
    if (variant === 'relaxed') fail('unsupported', 'createRuntime: float64 has no relaxed variant; leave variant out')
    return 'float64'
  }
  const relaxed =
    variant !== 'simd' && SHIPPED.includes('relaxed') && hostRunsRelaxed((bytes) => WebAssembly.validate(bytes))
  if (variant === 'relaxed' && !relaxed)
    fail('unsupported', "createRuntime: this host or entry does not run relaxed SIMD; use variant 'auto' or 'simd'")
  return relaxed ? 'relaxed' : 'simd'
}

async function fetchBinary(wasm: object | string): Promise<object> {
  const source = typeof wasm === 'string' || wasm instanceof URL ? await fetch(wasm) : wasm
  return source instanceof Response ? new Uint8Array(await source.arrayBuffer()) : source
}

async function compileBinary(binary: string | object): Promise<WebAssembly.Module> {
  if (isModule(binary)) return asOwnModule(binary)
  const bytes = typeof binary === 'string' ? decodeBase64(binary) : binary
  if (!(bytes instanceof ArrayBuffer || ArrayBuffer.isView(bytes))) {
    fail('type', `createRuntime: wasm is ${describeValue(binary)}; expected a module, bytes, an address or a response`)
  }
  try {
    return new WebAssembly.Module(bytes as BufferSource)
  } catch (error) {
    fail('unsupported', `createRuntime: the binary does not compile here: ${(error as Error).message}`)
  }
}

const isModule = (value: unknown): value is WebAssembly.Module =>
  Object.prototype.toString.call(value) === '[object WebAssembly.Module]'

/** The loader tells modules by `instanceof`, which fails for one of another realm. */
function asOwnModule(module: WebAssembly.Module): WebAssembly.Module {
  if (!(module instanceof WebAssembly.Module)) Object.setPrototypeOf(module, WebAssembly.Module.prototype)
  return module
}

function decodeBase64(text: string): Uint8Array {
  const binary = atob(text)
  const bytes = new Uint8Array(binary.length)
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i)
  return bytes
}

function instantiate(module: WebAssembly.Module): Core {
  const { exports } = instanceOf(module)
  if (typeof exports['run'] !== 'function') fail('unsupported', 'createRuntime: wasm is not a binary of retrograd')
  return exports as unknown as Core
}

function instanceOf(module: WebAssembly.Module): { exports: Record<string, unknown> } {
  try {
    return instantiateSync<Record<string, unknown>>(module, {})
  } catch (error) {
    if (!(error instanceof RangeError))
      fail('unsupported', `createRuntime: wasm is not a binary of retrograd: ${(error as Error).message}`)
    const remedy =
      'Dispose of runtimes that are not needed, or let the event loop turn: those that were dropped go then'
    fail('memory', `createRuntime: the host gives no memory for one more (${error.message}). ${remedy}`)
  }
}

/** In place of the core of a runtime that was disposed of, so that its memory can go though tensors and modules are still held. */
const ENDED = new Proxy({} as Core, { get: () => fail('disposed', 'the runtime was disposed of') })

/** An instance of the core: its memory, its random seed, and the tensors in it. */
export class Runtime {
  readonly seed: number
  readonly dtype: Dtype
  readonly variant: 'simd' | 'relaxed'
  /** @internal */
  core: Core
  /** @internal */
  readonly heap: Heap
  /** @internal */
  readonly collector = new Collector()
  /** @internal Bytes of a floating-point element. */
  readonly elementBytes: number
  #modules = 0

  /** @internal */
  constructor(core: Core, seed: number, maxMemory: number) {
    this.core = core
    this.seed = seed
    this.elementBytes = core.ELEMENT_BYTES.value
    this.dtype = this.elementBytes === 8 ? 'float64' : 'float32'
    this.variant = core.RELAXED.value ? 'relaxed' : 'simd'
    this.heap = new Heap(core, maxMemory)
  }

  /** Bytes that tensors, modules and their workspaces hold now. */
  get memoryUsed(): number {
    return this.heap.used
  }

  /** Copies numbers in, true being 1 and false 0: nested arrays, whose rows may be typed arrays. `shape` may be left out for these. */
  tensor(values: NestedArray, shape?: Shape): Tensor {
    return this.collector.add(this.#make('Runtime.tensor', values, shape, 'float'))
  }

  /** Copies whole numbers in: class or token ids. */
  indices(values: NestedArray, shape?: Shape): Tensor {
    return this.collector.add(this.#make('Runtime.indices', values, shape, 'int32'))
  }

  /**
   * Runs something; the caller's tensors that it made (`tensor`, `indices`, `clone`, `initialState`, `predict`) go back at its end, but for those
   * that it returns (alone, or in arrays and plain objects) and those that `tensor.keep()` was called on. Scopes may stand within each other. `fit` runs each step in
   * one, `evaluate` each batch.
   *
   * @param run done when it returns: no async function
   */
  scope<Result>(run: () => Result): Result {
    if (typeof run !== 'function') fail('type', `Runtime.scope: run is ${describeValue(run)}; expected a function`)
    return this.collector.scope('Runtime.scope', run)
  }

  /** Ends the runtime and everything in it; its memory goes back to the host, whoever still holds its tensors. */
  dispose(): void {
    this.core = ENDED
    this.heap.end(ENDED)
  }

  [disposeSymbol](): void {
    this.dispose()
  }

  /** @internal The ordinal that keys a module's random draws. */
  nextModule(): number {
    return this.#modules++
  }

  /** @internal */
  bytesOf(kind: ElementKind): number {
    return kind === 'int32' ? 4 : this.elementBytes
  }

  /** @internal A view of `count` elements, valid until memory grows. */
  arrayAt(address: number, count: number, kind: ElementKind = 'float'): FloatArray | Int32Array {
    const { buffer } = this.heap
    if (kind === 'int32') return new Int32Array(buffer, address, count)
    return this.elementBytes === 8 ? new Float64Array(buffer, address, count) : new Float32Array(buffer, address, count)
  }

  /** @internal */
  emptyTensor(shape: Shape, kind: ElementKind = 'float'): Tensor {
    const storage = this.heap.allocateZeros(sizeOf(shape) * this.bytesOf(kind), `Runtime.tensor ${shapeText(shape)}`)
    return new Tensor(this, storage, storage.address, shape, kind, { owns: true })
  }

  #make(who: string, values: NestedArray, shape: Shape | undefined, kind: ElementKind): Tensor {
    if (!this.heap.alive) fail('disposed', `${who}: the runtime was disposed of`)
    const { flat, axes } = flatten(who, values)
    const finalShape = checkShape(who, shape === undefined ? axes : shape, flat.length)
    if (kind === 'int32') expectWhole(who, flat)
    // growing the memory would detach a view of it
    const safe = ArrayBuffer.isView(flat) && flat.buffer === this.heap.buffer ? Array.from(flat) : flat
    const tensor = this.emptyTensor(finalShape, kind)
    this.arrayAt(tensor.address, safe.length, kind).set(safe)
    return tensor
  }

  /** @internal Zeros for the caller: of the scope that is open. */
  ownTensor(shape: Shape): Tensor {
    return this.collector.add(this.emptyTensor(shape))
  }

  /** @internal Ids of no scope. */
  idTensor(values: ArrayLike<number>): Tensor {
    return this.#make('Runtime.indices', values, undefined, 'int32')
  }
}

/** Modules take the runtime first: whoever forgets it is told so. */
export function expectRuntime(who: string, runtime: unknown): void {
  if (runtime instanceof Runtime) return
  fail('type', `${who}: runtime is ${describeValue(runtime)}; expected what createRuntime gives, before the options`)
}

function checkShape(who: string, shape: Shape, count: number): Shape {
  if (!isShape(shape))
    fail('shape', `${who}: shape is ${describeValue(shape)}; expected an array of whole numbers >= 0`)
  if (sizeOf(shape) !== count)
    fail('shape', `${who}: ${count} numbers do not fill the shape ${shapeText(shape)} (${sizeOf(shape)})`)
  return [...shape]
}

function expectWhole(who: string, flat: ArrayLike<number>): void {
  for (let i = 0; i < flat.length; i++) {
    const id = flat[i]!
    if ((id | 0) !== id) fail('range', `${who}: element ${i} is ${id}; expected a whole number of 32 bits`)
  }
}

/** Arrays within each other: far more axes than anything here has, far fewer than a stack holds. */
const MOST_AXES = 32

/** Numbers in order, with the shape that the nesting has; a typed array is a row of numbers, true is 1. */
function flatten(who: string, values: unknown): { flat: ArrayLike<number>; axes: number[] } {
  if (isTypedArray(who, values)) return { flat: values, axes: [values.length] }
  if (!Array.isArray(values))
    fail('type', `${who}: values is ${describeValue(values)}; expected a typed array or nested arrays of numbers`)
  const flat: number[] = []
  const axes: number[] = []
  const visit = (part: unknown, depth: number): void => {
    if (!Array.isArray(part) && !isTypedArray(who, part)) {
      if ((typeof part !== 'number' && typeof part !== 'boolean') || depth !== axes.length)
        fail('type', `${who}: values holds ${describeValue(part)} at depth ${depth}; expected numbers at one depth`)
      flat.push(Number(part))
      return
    }
    if (depth === MOST_AXES)
      fail(
        'shape',
        `${who}: values is nested deeper than ${MOST_AXES} arrays; expected an axis for each (does one hold itself?)`,
      )
    if (flat.length === 0 && depth === axes.length) axes.push(part.length)
    if (axes[depth] !== part.length)
      fail('shape', `${who}: values is ragged: an array of ${part.length} at depth ${depth}; expected ${axes[depth]}`)
    for (let i = 0; i < part.length; i++) visit(part[i], depth + 1)
  }
  visit(values, 0)
  return { flat, axes }
}

function isTypedArray(who: string, values: unknown): values is ArrayLike<number> {
  if (!ArrayBuffer.isView(values) || values instanceof DataView) return false
  if (typeof (values as unknown as ArrayLike<unknown>)[0] === 'bigint')
    fail('type', `${who}: values are 64-bit integers; convert them to numbers`)
  return true
}
