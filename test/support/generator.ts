/**
 * Numbers that need no storing: the twin of scripts/fixtures/generator.py, equal to it to the bit.
 * Value i of the stream (seed, name) is mix(key + (i + 1) * GOLDEN) read as int32 and divided by 2^31, with
 * key = mix(fnv1a(name) ^ mix(seed)) and all arithmetic modulo 2^32.
 */
const GOLDEN = 0x9e3779b9 // 2^32 divided by the golden ratio, as in splitmix
const KEEP_FROM = -0.25 // a mask keeps about 5 in 8
const PROJECTIONS = 32
const PROJECTION_SEED = 0

/** FNV-1a, 32 bits, of an ASCII name. */
function fnv1a(name: string): number {
  let hash = 0x811c9dc5
  for (const letter of name) hash = Math.imul(hash ^ letter.charCodeAt(0), 0x01000193)
  return hash
}

/** MurmurHash3's 32-bit finaliser. */
function mix(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

/** The first `count` values of the stream (seed, name), in [-1, 1), times `scale`. */
export function generate(seed: number, name: string, count: number, scale = 1): Float64Array {
  const key = mix(fnv1a(name) ^ mix(seed))
  return Float64Array.from({ length: count }, (_, i) => (mix((key + Math.imul(i + 1, GOLDEN)) | 0) / 2 ** 31) * scale)
}

/** Integers in [0, classes). */
export function generateIds(seed: number, name: string, count: number, classes: number): Int32Array {
  return Int32Array.from(generate(seed, name, count), (value) => Math.floor(((value + 1) / 2) * classes))
}

/** 1 where kept, 0 where masked. */
export function generateMask(seed: number, name: string, count: number): Float64Array {
  return generate(seed, name, count).map((value) => (value >= KEEP_FROM ? 1 : 0))
}

const projections: Float64Array[] = []

/** The 32 fixed inner products that stand for a large value in a fixture. */
export function project(values: ArrayLike<number>): Float64Array {
  return Float64Array.from({ length: PROJECTIONS }, (_, p) => dot(projection(p, values.length), values))
}

/** Vector `p` of these inner products, of at least `length` elements. */
export function projection(p: number, length: number): Float64Array {
  if (!(projections[p]?.length >= length)) projections[p] = generate(PROJECTION_SEED, `projection ${p}`, length)
  return projections[p]
}

function dot(a: Float64Array, b: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < b.length; i++) sum += a[i] * b[i]
  return sum
}
