import { describeValue, fail, isRecord, isShape, shapeText } from '../runtime/check.ts'
import { type Allocation, roundUp } from '../runtime/heap.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { type FloatArray, type Shape, Tensor, sizeOf } from '../runtime/tensor.ts'

/** A parameter as users see it. */
export interface Parameter {
  readonly name: string
  readonly value: Tensor
  readonly grad: Tensor
}

/** PyTorch's way of naming and shaping saved numbers. */
export type StateDict = Readonly<
  Record<string, { readonly shape: Shape; readonly data: ArrayLike<number> | ArrayLike<bigint> }>
>

/** What a parameter is drawn from: U(-bound, bound), or U(low, high). */
export type Bound = number | readonly [low: number, high: number]

/** Parameters start at whole cache lines; the gaps are zeros with zero gradients and stay so. */
const ALIGNMENT = 64

/** The parameters of one module in one contiguous block, their gradients in a twin block. */
export class ParameterBlock {
  readonly runtime: Runtime
  readonly parameters: readonly Parameter[]
  /** Elements of each block, padding included: a whole number of vectors. */
  readonly elements: number
  readonly values: Allocation
  readonly grads: Allocation
  /** Rises whenever the values may have changed: what was packed from them is stale then. */
  version = 1
  /** Names of parameters that get no gradients and no updates. */
  readonly frozen = new Set<string>()
  /** Rises whenever `frozen` changes. */
  frozenVersion = 0

  constructor(runtime: Runtime, shapes: ReadonlyMap<string, Shape>) {
    this.runtime = runtime
    const offsets: number[] = []
    let bytes = 0
    for (const shape of shapes.values()) {
      offsets.push(bytes)
      bytes += roundUp(sizeOf(shape) * runtime.elementBytes, ALIGNMENT)
    }
    this.elements = bytes / runtime.elementBytes
    this.values = runtime.heap.allocateZeros(bytes, 'parameters')
    this.grads = runtime.heap.allocateZeros(bytes, 'gradients')
    const onRead = () => void this.version++
    this.parameters = [...shapes].map(([name, shape], i) => ({
      name,
      value: new Tensor(runtime, this.values, this.values.address + offsets[i]!, shape, 'float', { onRead }),
      grad: new Tensor(runtime, this.grads, this.grads.address + offsets[i]!, shape, 'float'),
    }))
  }

  /** Draws each parameter from U(low, high), or U(-bound, bound), keyed by (seed, module, parameter). */
  fillUniform(module: number, boundOf: (name: string) => Bound): void {
    const { core, seed } = this.runtime
    for (const [ordinal, { name, value }] of this.parameters.entries()) {
      const bound = boundOf(name)
      const [low, high] = typeof bound === 'number' ? [-bound, bound] : bound
      core.fillUniform(value.size, low, high, seed >>> 0, Math.floor(seed / 2 ** 32), module, ordinal, value.address)
    }
  }

  /** A frozen parameter gets no gradients and no updates. */
  setFrozen(name: string, frozen: boolean): void {
    this.frozenVersion++
    if (frozen) this.frozen.add(name)
    else this.frozen.delete(name)
  }

  /** First element and number of elements of a parameter in the block, its padding included. */
  rangeOf(index: number): { first: number; elements: number } {
    const start = (i: number) => (this.parameters[i]!.value.address - this.values.address) / this.runtime.elementBytes
    const end = index + 1 < this.parameters.length ? start(index + 1) : this.elements
    return { first: start(index), elements: end - start(index) }
  }

  zeroGrad(): void {
    this.runtime.core.zeroBytes(this.grads.address, this.elements * this.runtime.elementBytes)
  }

  dispose(): void {
    this.values.dispose()
    this.grads.dispose()
  }
}

/** Copies of all parameters, by name. */
export function copyStateDict(parameters: readonly Parameter[]): Record<string, { shape: Shape; data: FloatArray }> {
  return Object.fromEntries(
    parameters.map(({ name, value }) => {
      const data = value.runtime.arrayAt(value.address, value.size) as FloatArray
      return [name, { shape: [...value.shape], data: data.slice() }]
    }),
  )
}

/** Refuses what is not `count` numbers: every element is looked at before the first one is written. */
export function expectNumbers(who: string, name: string, data: unknown, count: number): void {
  const isList = Array.isArray(data) || (ArrayBuffer.isView(data) && !(data instanceof DataView))
  if (!isList) fail('state-dict', `${who}: '${name}' holds ${describeValue(data)}; expected ${count} numbers`)
  const list = data as ArrayLike<unknown>
  const stray = Array.isArray(data) || typeof list[0] === 'bigint' ? firstStray(list) : undefined
  if (list.length === count && stray === undefined) return
  const given = list.length === count ? `a ${typeof list[stray!]} at position ${stray}` : `${list.length} elements`
  fail('state-dict', `${who}: '${name}' holds ${given}; expected ${count} numbers`)
}

/** The position of the first element that is no number. */
function firstStray(list: ArrayLike<unknown>): number | undefined {
  for (let i = 0; i < list.length; i++) if (typeof list[i] !== 'number') return i
  return undefined
}

/** Names of parameters that a state dict lacks, and those in it that no parameter has. */
export interface Mismatch {
  readonly missing: string[]
  readonly unexpected: string[]
}

/** Checks every name and shape before the first number is written; without `strict` the parameters that are there are taken. */
export function writeStateDict(
  who: string,
  parameters: readonly Parameter[],
  dict: StateDict,
  strict: boolean,
): Mismatch {
  const mismatch = mismatchOf(who, new Set(parameters.map(({ name }) => name)), dict)
  if (strict) expectNone(who, mismatch)
  const given = parameters.filter(({ name }) => !mismatch.missing.includes(name))
  expectEntries(who, new Map(given.map(({ name, value }) => [name, value.shape])), dict)
  for (const { name, value } of given) expectNumbers(who, name, dict[name]!.data, value.size)
  for (const { name, value } of given) value.data.set(dict[name]!.data as ArrayLike<number>)
  return mismatch
}

/** Refuses a state dict whose names or shapes are not those of the parameters. */
export function expectStateDict(who: string, parameters: readonly Parameter[], dict: StateDict): void {
  expectShapes(who, new Map(parameters.map(({ name, value }) => [name, value.shape])), dict)
  for (const { name, value } of parameters) expectNumbers(who, name, dict[name]!.data, value.size)
}

/** Refuses a dict whose names or shapes are others than these. */
export function expectShapes(who: string, shapes: ReadonlyMap<string, Shape>, dict: StateDict): void {
  expectNone(who, mismatchOf(who, shapes, dict))
  expectEntries(who, shapes, dict)
}

function mismatchOf(
  who: string,
  known: { keys(): Iterable<string>; has(name: string): boolean },
  dict: StateDict,
): Mismatch {
  if (!isRecord(dict)) fail('type', `${who}: the state dict is ${describeValue(dict)}; expected an object`)
  const missing = [...known.keys()].filter((name) => !Object.hasOwn(dict, name))
  return { missing, unexpected: Object.keys(dict).filter((name) => !known.has(name)) }
}

function expectNone(who: string, { missing, unexpected }: Mismatch): void {
  if (missing.length === 0 && unexpected.length === 0) return
  const list = (title: string, of: string[]) => (of.length > 0 ? `; ${title}: ${of.join(', ')}` : '')
  fail('state-dict', `${who}: names do not match${list('missing', missing)}${list('unknown', unexpected)}`)
}

/** Refuses entries of other shapes. */
function expectEntries(who: string, shapes: ReadonlyMap<string, Shape>, dict: StateDict): void {
  for (const [name, expected] of shapes) {
    const { shape } = dict[name] ?? {}
    if (!isShape(shape)) fail('state-dict', `${who}: '${name}' has no shape`)
    if (shape.length !== expected.length || shape.some((size, axis) => size !== expected[axis]))
      fail('state-dict', `${who}: '${name}' is ${shapeText(shape)}; expected ${shapeText(expected)}`)
  }
}
