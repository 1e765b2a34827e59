/** Wrong arguments: each value inside the right ones replaced by each value of a wrong kind. */
import { Module, type Runtime } from '../../bindings/index.ts'
import { Tensor } from '../../bindings/runtime/tensor.ts'

/** One place in a list of arguments. */
export type Path = readonly (string | number)[]

export interface Mutation {
  readonly path: Path
  /** What stands there instead. */
  readonly name: string
  readonly value: unknown
}

/** Values of every kind, by what messages call them. */
export const VALUES: Readonly<Record<string, unknown>> = {
  undefined: undefined,
  null: null,
  NaN: Number.NaN,
  'minus one': -1,
  'one and a half': 1.5,
  infinity: Number.POSITIVE_INFINITY,
  'two to the 53rd': 2 ** 53,
  'a word': 'retrograd',
  'no letters': '',
  'the name of a method': 'constructor',
  true: true,
  'an empty array': [],
  'an array of words': ['retrograd'],
  'an empty object': {},
  'an object of words': { retrograd: 'retrograd' },
  'a function': () => 1,
  'a symbol': Symbol('retrograd'),
  'a bigint': 10n,
  'a typed array': Float32Array.of(1, 2, 3),
  'a DataView': new DataView(new ArrayBuffer(8)),
  'a date': new Date(0),
  'a promise': Promise.resolve(1),
  'an object without prototype': Object.create(null),
}

/** Every value in every place, and an option that nobody knows in every options object. */
export function* mutationsOf(args: readonly unknown[], more: Readonly<Record<string, unknown>>): Generator<Mutation> {
  const values = Object.entries({ ...VALUES, ...more })
  for (const path of pathsOf(args)) for (const [name, value] of values) yield { path, name, value }
  for (const path of pathsOf(args)) {
    const inner = at(args, path)
    if (isPlain(inner)) yield { path: [...path, 'retrograd'], name: 'an unknown option', value: 1 }
  }
}

/** The arguments with one of them, or something inside it, replaced. */
export function mutated(args: readonly unknown[], { path, value }: Mutation): unknown[] {
  return replace(args, path, value) as unknown[]
}

export const describePath = ([first, ...rest]: Path): string =>
  `argument ${Number(first) + 1}${rest.map((key) => `.${key}`).join('')}`

/** Arguments, options, and what lists hold; tensors, modules and whatever has a class are one thing. */
function pathsOf(value: unknown, path: Path = []): Path[] {
  const own: Path[] = path.length > 0 ? [path] : []
  if (!isPlain(value) && !isList(value)) return own
  const keys = Array.isArray(value) ? [...value.keys()].slice(0, 2) : Object.keys(value as object)
  return [...own, ...keys.flatMap((key) => pathsOf((value as Record<string, unknown>)[key], [...path, key]))]
}

function replace(value: unknown, [key, ...rest]: Path, by: unknown): unknown {
  if (key === undefined) return by
  const inner = replace((value as Record<string, unknown>)[key], rest, by)
  if (Array.isArray(value)) return value.with(key as number, inner)
  return { ...(value as object), [key]: inner }
}

export const at = (value: unknown, path: Path): unknown =>
  path.reduce((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], value)

const isList = (value: unknown): boolean => Array.isArray(value)
const isPlain = (value: unknown): boolean =>
  value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype

/** The kind of a value, as far as one can stand for another. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (value instanceof Tensor) return 'tensor'
  if (value instanceof Module) return 'module'
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return 'list'
  if (isPlain(value)) return 'object'
  return typeof value === 'object'
    ? ((value as { constructor?: { name: string } }).constructor?.name ?? 'object')
    : typeof value
}

export const isRuntime = (value: unknown): value is Runtime => kindOf(value) === 'Runtime'
