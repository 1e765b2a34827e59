/**
 * Streaming states as bytes, so that a stream that stops here goes on elsewhere: a safetensors file whose names are the paths of the
 * state's tensors ('h', or '2.h' in a list's third entry), with the lists' lengths in its metadata.
 */
import { type State, stateTensors } from '../module/state.ts'
import { describeValue, expectTensor, fail } from '../runtime/check.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { Tensor } from '../runtime/tensor.ts'
import { MOST_NESTED, findJsonFault } from './json-faults.ts'
import type { SafetensorsTensor } from './safetensors-format.ts'
import { readSafetensors, writeSafetensors } from './safetensors.ts'

const FORMAT = 'retrograd-state-1'
/** Entries of all lists together: a file of a few bytes must not ask for gigabytes. */
const MAX_ENTRIES = 65536

/** Lengths of lists by path: '' for the state itself, '2' for a list in its third entry. */
type Lists = ReadonlyMap<string, number>
type StoredTensors = Readonly<Record<string, SafetensorsTensor>>

/**
 * The bytes of a state, as `step`, `forward` or `initialState` gave it. They hold no weights. With equal weights the stream goes on
 * to the bit on a runtime of variant `simd` or of dtype `float64`; between `simd` and `relaxed` it goes on within rounding.
 *
 * @throws RetrogradError 'type' for what is no state, 'disposed' for tensors that were given back
 */
export function writeState(state: State): Uint8Array {
  const lists = listsOf(state, '')
  const tensors = stateTensors(state)
  const runtime = tensors[0]?.[1]?.runtime
  if (!runtime) fail('type', `writeState: state is ${describeValue(state)}; expected one that holds a tensor`)
  for (const [path, tensor] of tensors) expectTensor('writeState', `state '${path}'`, tensor, runtime)
  const dict = Object.fromEntries(tensors.map(([path, { shape, data }]) => [path, { shape, data }]))
  const { dtype, variant } = runtime
  const own = lists.size > 0 ? { lists: JSON.stringify(Object.fromEntries(lists)) } : undefined
  return writeSafetensors(dict, { format: FORMAT, dtype, variant, ...own })
}

/**
 * A state from its bytes, for `step` or `forward` of a module like the one that it came from (which checks that it fits). It belongs
 * to the caller.
 *
 * @param bytes untrusted: all of them are checked before the core's memory is taken
 * @throws RetrogradError 'file' if the bytes are no state, or one of another dtype
 */
export function readState(runtime: Runtime, bytes: Uint8Array | ArrayBuffer): State {
  // no `instanceof`: who only reads files need not load the core's binaries
  if (typeof runtime?.tensor !== 'function')
    fail('type', `readState: runtime is ${describeValue(runtime)}; expected what createRuntime gives, before the bytes`)
  const { tensors, metadata } = readSafetensors(bytes)
  const { format, dtype } = metadata
  if (format !== FORMAT) refuse(`format is ${describeValue(format)}; expected '${FORMAT}'`)
  if (dtype !== runtime.dtype)
    refuse(`the state is of dtype ${describeValue(dtype)}; this runtime's is '${runtime.dtype}'`)
  const lists = checkLists(metadata['lists'])
  checkTensors(runtime, tensors, lists)
  const made: Tensor[] = []
  try {
    return build('', new Map(Object.entries(tensors)), lists, ({ shape, data }) => {
      const tensor = runtime.tensor(data as Float32Array, shape)
      made.push(tensor)
      return tensor
    })
  } catch (error) {
    for (const tensor of made) tensor.dispose()
    throw error
  }
}

// --- writing

/** The lists within a state, outer before inner. */
function listsOf(state: unknown, path: string, depth = 0): Map<string, number> {
  if (!Array.isArray(state)) return expectNamed(state, path)
  if (depth >= MOST_NESTED)
    fail('type', `writeState: state has lists within each other deeper than ${MOST_NESTED} levels`)
  const lists = new Map([[path, state.length]])
  for (const [i, entry] of state.entries()) {
    if (entry === undefined) continue
    for (const [inner, length] of listsOf(entry, join(path, i), depth + 1)) lists.set(inner, length)
  }
  return lists
}

function expectNamed(state: unknown, path: string): Map<string, number> {
  const isNamed = state !== null && typeof state === 'object' && !(state instanceof Tensor)
  if (isNamed) return new Map()
  const what = path === '' ? 'state' : `state ${path}`
  return fail('type', `writeState: ${what} is ${describeValue(state)}; expected tensors by name, or a list of states`)
}

const join = (path: string, index: number): string => (path === '' ? `${index}` : `${path}.${index}`)

// --- reading

/** Every list but the outermost is an entry of another one. */
function checkLists(text: string | undefined): Lists {
  if (text === undefined) return new Map()
  const lists = new Map(Object.entries(parseRecord(text))) as Map<string, unknown>
  let entries = 0
  for (const [path, length] of lists) {
    if (!Number.isSafeInteger(length) || (length as number) < 0)
      refuse(`the list '${path}' has the length ${describeValue(length)}; expected a whole number >= 0`)
    entries += length as number
    if (path.split('.', MOST_NESTED).length >= MOST_NESTED)
      refuse(`the list '${path}' lies deeper than ${MOST_NESTED} levels`)
    if (path !== '' && !isEntry(path, lists as Lists)) refuse(`the list '${path}' is no entry of another list`)
  }
  if (entries > MAX_ENTRIES) refuse(`the lists have ${entries} entries; expected at most ${MAX_ENTRIES}`)
  return lists as Lists
}

function parseRecord(text: string): object {
  try {
    const value: unknown = JSON.parse(text)
    const isSound = findJsonFault(text) === undefined
    if (isSound && value !== null && typeof value === 'object' && !Array.isArray(value)) return value
  } catch {
    // said below
  }
  return refuse("metadata 'lists' is no JSON object of lengths by path")
}

/** Is `path` an index, or a list's path and an index, with an index below that list's length? */
function isEntry(path: string, lists: Lists): boolean {
  const at = path.lastIndexOf('.')
  const [parent, index] = [path.slice(0, Math.max(at, 0)), path.slice(at + 1)]
  return /^(0|[1-9]\d*)$/.test(index) && Number(index) < (lists.get(parent) ?? 0)
}

function checkTensors(runtime: Runtime, tensors: StoredTensors, lists: Lists): void {
  const names = Object.entries(tensors)
  if (names.length === 0) refuse('there is no tensor; expected a state')
  const expected = runtime.dtype === 'float64' ? Float64Array : Float32Array
  for (const [path, { data }] of names) {
    if (!(data instanceof expected)) refuse(`'${path}' holds elements that are not ${runtime.dtype}`)
    const { list, name } = split(path, lists)
    const isPlaced = list === undefined ? lists.size === 0 : isEntry(list, lists) && !lists.has(list)
    if (!isPlaced || name === '') refuse(`'${path}' names no tensor of the state`)
  }
}

/** A tensor's path: the list entry that it belongs to (undefined where there are no lists), and its name there. */
function split(path: string, lists: Lists): { list: string | undefined; name: string } {
  if (lists.size === 0) return { list: undefined, name: path }
  let end = path.indexOf('.')
  while (end >= 0 && lists.has(path.slice(0, end))) end = path.indexOf('.', end + 1)
  return end < 0 ? { list: path, name: '' } : { list: path.slice(0, end), name: path.slice(end + 1) }
}

/** The state at a path, whose tensors are those of `tensors` under names below it. */
function build(
  path: string,
  tensors: ReadonlyMap<string, SafetensorsTensor>,
  lists: Lists,
  make: (tensor: SafetensorsTensor) => Tensor,
): State {
  const length = lists.get(path)
  if (length === undefined) return Object.fromEntries([...tensors].map(([name, tensor]) => [name, make(tensor)]))
  const groups = new Map<string, Map<string, SafetensorsTensor>>()
  for (const [name, tensor] of tensors) {
    const dot = name.indexOf('.')
    const [index, rest] = [name.slice(0, dot), name.slice(dot + 1)]
    if (!groups.has(index)) groups.set(index, new Map())
    groups.get(index)!.set(rest, tensor)
  }
  return Array.from({ length }, (_, i) => {
    const own = groups.get(String(i))
    const inner = join(path, i)
    return own || lists.has(inner) ? build(inner, own ?? new Map(), lists, make) : undefined
  })
}

function refuse(message: string): never {
  return fail('file', `readState: ${message}`)
}
