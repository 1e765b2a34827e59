/** Checks that every entry makes once before the core is called. The good path is tested first; messages are built when throwing. */
import { fail } from './errors.ts'
import { shortened } from './printable.ts'
import { type ElementKind, type Shape, Tensor } from './tensor.ts'

export { fail }

export const shapeText = (shape: readonly (number | string)[]): string => `[${shape.join(', ')}]`

/** Throws if `options`, called `name` in messages, is no object of options, has a key outside `known`, or a null. */
export function expectOptions(who: string, options: unknown, known: readonly string[], name = 'options'): void {
  if (!isRecord(options)) fail('type', `${who}: ${name} is ${describeValue(options)}; expected an object`)
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) fail('option', `${who}: unknown option '${key}'; known are ${known.join(', ')}`)
    if (options[key] === null) fail('option', `${who}: ${key} is null; leave it out where it is not meant`)
  }
}

/** An object of values by name: no array, and none of those that have their values elsewhere (a Promise, a Date, a typed array). */
export const isRecord = (value: unknown): value is Record<string, unknown> =>
  Object.prototype.toString.call(value) === '[object Object]'

export function expectTensor(
  who: string,
  name: string,
  value: unknown,
  runtime: Tensor['runtime'],
  kind: ElementKind = 'float',
): Tensor {
  if (!(value instanceof Tensor)) {
    fail(
      'type',
      `${who}: ${name} is ${describeValue(value)}; expected a tensor${kind === 'int32' ? ' of indices' : ''}`,
    )
  }
  if (value.runtime !== runtime) fail('runtime', `${who}: ${name} belongs to another runtime`)
  if (value.disposed) fail('disposed', `${who}: ${name} was disposed of${value.storage.end}`)
  if (value.kind !== kind) {
    const expected = kind === 'int32' ? 'rt.indices' : 'rt.tensor'
    fail('type', `${who}: ${name} holds ${value.kind} elements; expected a tensor from ${expected}`)
  }
  return value
}

/** `pattern` holds a number where the size is fixed and a letter where any is right; `hint` names the option behind a number. */
export function expectShape(
  who: string,
  name: string,
  shape: Shape,
  pattern: readonly (number | string)[],
  hint = '',
): void {
  const fits =
    shape.length === pattern.length && pattern.every((size, i) => typeof size === 'string' || size === shape[i])
  if (fits) return
  fail('shape', `${who}: ${name} is ${shapeText(shape)}; expected ${shapeText(pattern)}${hint && ` (${hint})`}`)
}

export const isShape = (shape: unknown): shape is Shape =>
  Array.isArray(shape) && shape.every((axis) => Number.isSafeInteger(axis) && axis >= 0)

export function expectPositive(who: string, name: string, value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return value
  fail('option', `${who}: ${name} is ${describeValue(value)}; expected a whole number >= 1`)
}

export function expectBoolean(who: string, name: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value
  fail('option', `${who}: ${name} is ${describeValue(value)}; expected true or false`)
}

/** A finite number, within [low, high] if given. */
export function expectNumber(who: string, name: string, value: unknown, low = -Infinity, high = Infinity): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= low && value <= high) return value
  const range = low > -Infinity ? ` in [${low}, ${high}]` : ''
  fail('option', `${who}: ${name} is ${describeValue(value)}; expected a finite number${range}`)
}

export function expectOneOf<T extends string>(who: string, name: string, value: unknown, known: readonly T[]): T {
  if (known.includes(value as T)) return value as T
  fail('option', `${who}: ${name} is ${describeValue(value)}; expected one of ${known.join(', ')}`)
}

/** Characters of a string that a message quotes. */
const QUOTED = 80

export function describeValue(value: unknown): string {
  if (typeof value === 'string') return `'${shortened(value, QUOTED)}'`
  if (value === null || typeof value === 'number' || typeof value === 'boolean' || value === undefined)
    return String(value)
  if (Array.isArray(value)) return 'an array'
  if (typeof value !== 'object') return `a ${typeof value}`
  return isRecord(value) ? 'an object' : `an object (${Object.prototype.toString.call(value).slice(8, -1)})`
}
