/** What reading and writing safetensors share: the types, and which typed array stands for which dtype. */
import { bfloat16Bits, float16Bits, float8E4m3Bits, float8E5m2Bits, widen } from './narrow-floats.ts'

/** The typed arrays that a file can hold; float16, bfloat16 and float8 are widened to `Float32Array`, booleans are bytes. */
export type SafetensorsArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array

/** One tensor of a file: `data` is row-major and holds as many elements as `shape` says; `[]` is a scalar. */
export interface SafetensorsTensor {
  shape: number[]
  data: SafetensorsArray
}

/** What `readSafetensors` returns: `tensors` is what `loadStateDict` takes. */
export interface SafetensorsFile {
  tensors: Record<string, SafetensorsTensor>
  metadata: Record<string, string>
}

/** What `writeSafetensors` takes; a module's `stateDict()` is one. `data` is one of the arrays above, which is checked. */
export type SafetensorsInput = Readonly<
  Record<string, { readonly shape: readonly number[]; readonly data: ArrayLike<number> | ArrayLike<bigint> }>
>

export interface Format {
  readonly size: number // bytes per element
  readonly decode: (bytes: ArrayBuffer) => SafetensorsArray
}

export const FORMATS: ReadonlyMap<string, Format> = new Map<string, Format>([
  ['F64', { size: 8, decode: (bytes) => new Float64Array(bytes) }],
  ['I64', { size: 8, decode: (bytes) => new BigInt64Array(bytes) }],
  ['U64', { size: 8, decode: (bytes) => new BigUint64Array(bytes) }],
  ['F32', { size: 4, decode: (bytes) => new Float32Array(bytes) }],
  ['I32', { size: 4, decode: (bytes) => new Int32Array(bytes) }],
  ['U32', { size: 4, decode: (bytes) => new Uint32Array(bytes) }],
  ['F16', { size: 2, decode: (bytes) => widen(new Uint16Array(bytes), float16Bits) }],
  ['BF16', { size: 2, decode: (bytes) => widen(new Uint16Array(bytes), bfloat16Bits) }],
  ['I16', { size: 2, decode: (bytes) => new Int16Array(bytes) }],
  ['U16', { size: 2, decode: (bytes) => new Uint16Array(bytes) }],
  ['F8_E4M3', { size: 1, decode: (bytes) => widen(new Uint8Array(bytes), float8E4m3Bits) }],
  ['F8_E5M2', { size: 1, decode: (bytes) => widen(new Uint8Array(bytes), float8E5m2Bits) }],
  ['I8', { size: 1, decode: (bytes) => new Int8Array(bytes) }],
  ['U8', { size: 1, decode: (bytes) => new Uint8Array(bytes) }],
  ['BOOL', { size: 1, decode: (bytes) => new Uint8Array(bytes) }],
])

/** By the array's string tag, which subclasses (`Buffer`) and arrays of another realm share. */
export const DTYPES: ReadonlyMap<string, string> = new Map([
  ['Float64Array', 'F64'],
  ['BigInt64Array', 'I64'],
  ['BigUint64Array', 'U64'],
  ['Float32Array', 'F32'],
  ['Int32Array', 'I32'],
  ['Uint32Array', 'U32'],
  ['Int16Array', 'I16'],
  ['Uint16Array', 'U16'],
  ['Int8Array', 'I8'],
  ['Uint8Array', 'U8'],
])
