/**
 * The safetensors format: 8 bytes header length (u64, little endian), a JSON header, then the tensors' bytes
 * without holes or overlaps. Files are untrusted: everything declared is checked before anything is allocated.
 * @see https://github.com/huggingface/safetensors#format
 */
import { RetrogradError } from '../runtime/errors.ts'
import { findJsonFault } from './json-faults.ts'
import { DTYPES, FORMATS } from './safetensors-format.ts'
import type {
  Format,
  SafetensorsArray,
  SafetensorsFile,
  SafetensorsInput,
  SafetensorsTensor,
} from './safetensors-format.ts'

interface HeaderEntry {
  readonly name: string
  readonly format: Format
  readonly shape: number[]
  readonly begin: number
  readonly end: number
}

const LENGTH_BYTES = 8
const ALIGNMENT = 8 // of the data section; tensors are laid out widest element first, so each is aligned to its own
const MAX_HEADER_BYTES = 100_000_000 // the reference implementation's limit
const MOST_BESIDE_ZERO = 2 ** 32
const PLAUSIBLE = 'it has no elements: expected sizes beside 0 that come to at most 2^32 bytes'
const METADATA = '__metadata__'
const SPACE = 0x20
const OPENING_BRACE = 0x7b

/**
 * Reads a safetensors file. The arrays are copies, in the file's byte order and to the bit (float16, bfloat16
 * and float8 become float32, exactly); names come in the header's order.
 *
 * @param bytes the whole file; neither changed nor kept
 * @throws RetrogradError `file` if the file is cut, lies about a size, or holds a dtype that JavaScript has no array for
 */
export function readSafetensors(bytes: Uint8Array | ArrayBuffer): SafetensorsFile {
  const file = viewBytes(bytes)
  const dataStart = LENGTH_BYTES + readHeaderLength(file)
  const { [METADATA]: metadata, ...tensors } = parseHeader(file.subarray(LENGTH_BYTES, dataStart))
  // null: none, as the reference implementation reads it
  const pairs = metadata === undefined || metadata === null ? [] : readMetadata(metadata)
  const entries = Object.entries(tensors).map(([name, info]) => readEntry(name, info))
  checkCoverage(entries, file.length - dataStart)
  // Object.fromEntries defines own properties, so that a tensor called __proto__ is just another name.
  return {
    tensors: Object.fromEntries(entries.map((entry) => [entry.name, readTensor(file, dataStart, entry)])),
    metadata: Object.fromEntries(pairs),
  }
}

/**
 * Writes a state dict as a safetensors file; each array's type decides its dtype. The same input gives the same bytes.
 *
 * @param metadata strings to keep beside the tensors, such as `{ format: '1', dtype: 'float32', variant: 'simd' }`
 * @throws RetrogradError `file` if a shape disagrees with its data, or a value is of a kind that the format cannot hold
 */
export function writeSafetensors(
  stateDict: SafetensorsInput,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const tensors = Object.entries(expectRecord(stateDict, 'writeSafetensors', 'stateDict'))
    .map(([name, tensor]) => checkTensor(name, tensor))
    .sort((a, b) => b.size - a.size) // stable: names of one width keep their order
  const header = encodeHeader(tensors, metadata)
  const bytes = new Uint8Array(LENGTH_BYTES + header.length + totalBytes(tensors))
  writeHeaderLength(bytes, header.length)
  bytes.set(header, LENGTH_BYTES)
  let offset = LENGTH_BYTES + header.length
  for (const { data } of tensors) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset)
    offset += data.byteLength
  }
  return bytes
}

// --- reading

function viewBytes(bytes: Uint8Array | ArrayBuffer): Uint8Array {
  const tag = Object.prototype.toString.call(bytes)
  if (tag === '[object ArrayBuffer]') return new Uint8Array(bytes as ArrayBuffer)
  if (tag !== '[object Uint8Array]') {
    throw fileError('readSafetensors', `bytes is ${describeJson(bytes)}; expected a Uint8Array or an ArrayBuffer`)
  }
  const view = bytes as Uint8Array
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength) // a plain one: Buffer's slice() aliases
}

function readHeaderLength(file: Uint8Array): number {
  if (file.length < LENGTH_BYTES) {
    throw reading(`the file has ${file.length} bytes; expected at least the ${LENGTH_BYTES} of the header's length`)
  }
  const view = new DataView(file.buffer, file.byteOffset, LENGTH_BYTES)
  const length = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32
  if (length > MAX_HEADER_BYTES) {
    throw reading(`the header says it has ${length} bytes; expected at most ${MAX_HEADER_BYTES}: no safetensors file?`)
  }
  if (length > file.length - LENGTH_BYTES) {
    throw reading(`the header says it has ${length} bytes, but ${file.length - LENGTH_BYTES} follow: the file is cut`)
  }
  return length
}

function writeHeaderLength(file: Uint8Array, length: number): void {
  new DataView(file.buffer).setUint32(0, length, true) // the upper half stays 0: see MAX_HEADER_BYTES
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  if (bytes[0] !== OPENING_BRACE) throw reading(`the header does not begin with '{': no safetensors file?`)
  let text: string
  let header: unknown
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    header = JSON.parse(text)
  } catch (error) {
    throw reading(`the header is not valid UTF-8 JSON (${(error as Error).message})`)
  }
  const fault = findJsonFault(text)
  if (fault !== undefined) throw reading(`the header ${fault}; expected names of tensors, each once`)
  return expectRecord(header, 'readSafetensors', 'the header')
}

function readMetadata(value: unknown): [string, string][] {
  return Object.entries(expectRecord(value, 'readSafetensors', METADATA)).map(([key, text]) => {
    if (typeof text !== 'string') {
      throw reading(`${METADATA}[${describeJson(key)}] is ${describeJson(text)}; expected a string`)
    }
    return [key, text]
  })
}

function readEntry(name: string, info: unknown): HeaderEntry {
  const what = `tensor ${describeJson(name)}`
  const { dtype, shape, data_offsets: offsets } = expectRecord(info, 'readSafetensors', what)
  const format = typeof dtype === 'string' ? FORMATS.get(dtype) : undefined
  if (format === undefined) {
    throw reading(`${what} has dtype ${describeJson(dtype)}; expected one of ${[...FORMATS.keys()].join(', ')}`)
  }
  if (!isSizes(shape)) throw reading(`${what} has shape ${describeJson(shape)}; expected a list of whole numbers >= 0`)
  if (!isSizes(offsets) || offsets.length !== 2) {
    throw reading(`${what} has data_offsets ${describeJson(offsets)}; expected two whole numbers >= 0`)
  }
  if (isAbsurd(shape, format.size)) throw reading(`${what} has shape ${describeJson(shape)}; ${PLAUSIBLE}`)
  const [begin, end] = offsets as [number, number]
  const expected = byteLength(shape, format.size)
  if (expected !== end - begin) {
    const need = expected ?? 'more than 2^53'
    throw reading(
      `${what}, ${dtype} of ${describeJson(shape)}, needs ${need} bytes; its data_offsets hold ${end - begin}`,
    )
  }
  return { name, format, shape, begin, end }
}

/** The bytes of so many elements, or `undefined` where the product of the sizes beside 0 leaves the exact integers. */
function byteLength(shape: readonly number[], size: number): number | undefined {
  const bytes = wholeBytes(shape, size)
  return bytes !== undefined && shape.includes(0) ? 0 : bytes
}

function wholeBytes(shape: readonly number[], size: number): number | undefined {
  let bytes = size
  for (const extent of shape) {
    if (extent > 0) bytes *= extent
    if (!Number.isSafeInteger(bytes)) return undefined
  }
  return bytes
}

/**
 * No byte of a file stands for the other sizes of a tensor without elements, and who loops over one of them must not hang: together they
 * are at most what a core's memory could hold.
 */
function isAbsurd(shape: readonly number[], size: number): boolean {
  return shape.includes(0) && (wholeBytes(shape, size) ?? 0) > MOST_BESIDE_ZERO
}

/** Every byte behind the header belongs to one tensor: no hole, no overlap, nothing before, behind or missing. */
function checkCoverage(entries: readonly HeaderEntry[], available: number): void {
  let position = 0
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== position) {
      const fault = begin < position ? 'overlaps the tensor before it' : 'leaves a hole before it'
      throw reading(`tensor ${describeJson(name)} begins at byte ${begin} and ${fault}; expected ${position}`)
    }
    position = end
  }
  if (position !== available) {
    const fault = position > available ? 'the file is cut' : 'bytes follow that belong to no tensor'
    throw reading(`the tensors take ${position} bytes, but ${available} follow the header: ${fault}`)
  }
}

function readTensor(
  file: Uint8Array,
  dataStart: number,
  { format, shape, begin, end }: HeaderEntry,
): SafetensorsTensor {
  const copy = new Uint8Array(end - begin) // of its own, so that it is aligned and the file can go
  copy.set(file.subarray(dataStart + begin, dataStart + end))
  return { shape, data: format.decode(copy.buffer) }
}

// --- writing

interface CheckedTensor {
  readonly name: string
  readonly dtype: string
  readonly size: number
  readonly shape: readonly number[]
  readonly data: SafetensorsArray
}

function checkTensor(name: string, tensor: unknown): CheckedTensor {
  const what = `tensor ${describeJson(name)}`
  if (name === METADATA) throw writing(`a tensor is called ${METADATA}, the format's own key; rename it`)
  const { shape, data } = expectRecord(tensor, 'writeSafetensors', what)
  const dtype = DTYPES.get(Object.prototype.toString.call(data).slice('[object '.length, -1))
  if (dtype === undefined) throw writing(`${what} has data ${describeJson(data)}; expected a typed array`)
  if (!isSizes(shape)) throw writing(`${what} has shape ${describeJson(shape)}; expected a list of whole numbers >= 0`)
  const array = data as SafetensorsArray
  const size = array.BYTES_PER_ELEMENT
  if (isAbsurd(shape, size)) throw writing(`${what} has shape ${describeJson(shape)}; ${PLAUSIBLE}`)
  if (byteLength(shape, size) !== array.byteLength) {
    throw writing(`${what} has ${array.length} elements; its shape ${describeJson(shape)} does not say so`)
  }
  return { name, dtype, size, shape, data: array }
}

function encodeHeader(tensors: readonly CheckedTensor[], metadata: Readonly<Record<string, string>>): Uint8Array {
  const fields: [string, unknown][] = []
  const strings = checkMetadata(metadata)
  if (strings.length > 0) fields.push([METADATA, Object.fromEntries(strings)])
  let offset = 0
  for (const { name, dtype, shape, data } of tensors) {
    fields.push([name, { dtype, shape, data_offsets: [offset, offset + data.byteLength] }])
    offset += data.byteLength
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(fields)))
  const header = new Uint8Array(json.length + padding(LENGTH_BYTES + json.length)).fill(SPACE)
  header.set(json)
  if (header.length > MAX_HEADER_BYTES) {
    throw writing(`the header takes ${header.length} bytes; expected at most ${MAX_HEADER_BYTES}: name fewer tensors`)
  }
  return header
}

function checkMetadata(metadata: unknown): [string, string][] {
  return Object.entries(expectRecord(metadata, 'writeSafetensors', 'metadata')).map(([key, value]) => {
    if (typeof value !== 'string') {
      throw writing(`metadata[${describeJson(key)}] is ${describeJson(value)}; expected a string: use String(value)`)
    }
    return [key, value]
  })
}

function totalBytes(tensors: readonly CheckedTensor[]): number {
  return tensors.reduce((sum, { data }) => sum + data.byteLength, 0)
}

function padding(length: number): number {
  return (ALIGNMENT - (length % ALIGNMENT)) % ALIGNMENT
}

// --- checks and messages

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((extent) => Number.isSafeInteger(extent) && extent >= 0)
}

function expectRecord(value: unknown, who: string, what: string): Record<string, unknown> {
  // a Promise, a Date, a typed array have no tensors by name
  if (Object.prototype.toString.call(value) === '[object Object]') return value as Record<string, unknown>
  throw fileError(who, `${what} is ${describeJson(value)}; expected an object`)
}

function describeJson(value: unknown): string {
  if (ArrayBuffer.isView(value)) return `a ${Object.prototype.toString.call(value).slice('[object '.length, -1)}`
  const text = typeof value === 'function' ? 'a function' : stringify(value)
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}

function stringify(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value)
  } catch {
    return `a ${typeof value}` // cyclic, or a bigint
  }
}

function reading(message: string): RetrogradError {
  return fileError('readSafetensors', message)
}

function writing(message: string): RetrogradError {
  return fileError('writeSafetensors', message)
}

function fileError(who: string, message: string): RetrogradError {
  return new RetrogradError('file', `${who}: ${message}`)
}
