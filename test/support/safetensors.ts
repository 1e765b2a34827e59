/** Files put together by hand, and one of every kind of array. */
import type { SafetensorsArray, SafetensorsInput } from '../../bindings/io.ts'

const encoder = new TextEncoder()

/** Puts a file together by hand: `header` is JSON text, or what becomes it; `length` is what the file claims. */
export function assemble(header: unknown, data: ArrayLike<number> = [], length?: bigint): Uint8Array {
  const json = encoder.encode(typeof header === 'string' ? header : JSON.stringify(header))
  const bytes = new Uint8Array(8 + json.length + data.length)
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(json.length), true)
  bytes.set(json, 8)
  bytes.set(data, 8 + json.length)
  return bytes
}

export function tensor(dtype: string, shape: unknown, begin: unknown, end: unknown): unknown {
  return { dtype, shape, data_offsets: [begin, end] }
}

export function bytesOf(array: SafetensorsArray): number[] {
  return [...new Uint8Array(array.buffer, array.byteOffset, array.byteLength)]
}

export function bits32(array: SafetensorsArray): number[] {
  return [...new Uint32Array(array.buffer, array.byteOffset, array.length)]
}

export const SAMPLE = {
  weight_ih_l0: { shape: [2, 3], data: Float32Array.of(1, -2, 0.5, 4, 5, 6) },
  steps: { shape: [], data: BigInt64Array.of(-9007199254740993n) },
  mask: { shape: [3], data: Uint8Array.of(1, 0, 1) },
  moments: { shape: [1, 2], data: Float64Array.of(Math.PI, -1e-320) },
  empty: { shape: [0, 4], data: new Int32Array(0) },
  small: { shape: [1], data: Int16Array.of(-3) },
} satisfies SafetensorsInput
