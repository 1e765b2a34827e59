/** The elementary functions in float64 by the host's Math, and distances in units in the last place. */

export const REFERENCE = {
  exp: Math.exp,
  expm1: Math.expm1,
  log: Math.log,
  tanh: Math.tanh,
  sigmoid: (x: number): number => (x < 0 ? Math.exp(x) : 1) / (1 + Math.exp(-Math.abs(x))),
  softplus: (x: number): number => (x < 0 ? 0 : x) + Math.log1p(Math.exp(-Math.abs(x))),
  sin: Math.sin,
  cos: Math.cos,
}

export type MathName = keyof typeof REFERENCE

const LEAST_EXPONENT = -126
const GREATEST_EXPONENT = 127
const UNITS = Array.from({ length: GREATEST_EXPONENT + 1 - LEAST_EXPONENT }, (_, i) => 2 ** (i - 149))

const float = new Float32Array(1)
const floatBits = new Uint32Array(float.buffer)
const double = new Float64Array(1)
const doubleBits = new BigInt64Array(double.buffer)

/** Distance between two float32 neighbours at the size of x; the subnormals' one below them. */
export function unitInLastPlace(x: number): number {
  const size = Math.abs(x)
  float[0] = size
  const roundedUp = float[0] > size && (floatBits[0] & 0x7fffff) === 0 ? 1 : 0
  const exponent = (floatBits[0] >>> 23) - 127 - roundedUp
  return UNITS[Math.min(Math.max(exponent, LEAST_EXPONENT), GREATEST_EXPONENT) - LEAST_EXPONENT]
}

/** Error of the float32 `actual` in ulp of `exact`; infinity counts as 2^128, and a NaN in only one of the two as infinite. */
export function ulpError(actual: number, exact: number): number {
  if (actual !== actual && exact !== exact) return 0
  const distance = Math.abs(bounded(actual) - bounded(exact))
  return distance === distance ? distance / unitInLastPlace(exact) : Infinity
}

function bounded(x: number): number {
  return Math.min(Math.max(x, -(2 ** 128)), 2 ** 128)
}

/** How many float64 numbers apart two are. */
export function stepsApart(a: number, b: number): number {
  if (Object.is(a, b)) return 0
  if (a !== a || b !== b) return Infinity
  return Math.abs(Number(place(a) - place(b)))
}

function place(x: number): bigint {
  double[0] = x
  const bits = doubleBits[0]
  return bits < 0n ? -(bits & 0x7fffffffffffffffn) : bits
}
