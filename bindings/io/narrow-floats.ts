/** Widens floats of 8 or 16 bits, each by its bits, so that NaN payloads, subnormals and the sign of zero survive. */
export function widen(narrow: Uint8Array | Uint16Array, toFloat32Bits: (bits: number) => number): Float32Array {
  const bits = Uint32Array.from(narrow, toFloat32Bits)
  return new Float32Array(bits.buffer)
}

/** IEEE 754 binary16 → binary32: exact, NaN payloads move to the upper bits. */
export function float16Bits(half: number): number {
  const sign = (half & 0x8000) << 16
  const exponent = (half >> 10) & 0x1f
  const fraction = half & 0x3ff
  if (exponent === 0x1f) return sign | 0x7f800000 | (fraction << 13)
  if (exponent !== 0) return sign | ((exponent + 112) << 23) | (fraction << 13) // 112 = 127 - 15, the biases
  if (fraction === 0) return sign
  const shift = Math.clz32(fraction) - 21 // brings a subnormal's leading one to bit 10, where it is implicit
  return sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13)
}

/** float8 E5M2 is the upper half of binary16. */
export function float8E5m2Bits(code: number): number {
  return float16Bits(code << 8)
}

/**
 * float8 E4M3 in the form that has no infinities ("fn"): the greatest exponent holds numbers as well, up to 448, and NaN where
 * every bit is set. @see Micikevicius et al. 2022, https://arxiv.org/abs/2209.05433, table 1
 */
export function float8E4m3Bits(code: number): number {
  const sign = (code & 0x80) << 24
  const [exponent, fraction] = [(code >> 3) & 0xf, code & 0x7]
  if ((code & 0x7f) === 0x7f) return sign | 0x7fc00000
  if (exponent !== 0) return sign | ((exponent + 120) << 23) | (fraction << 20) // 120 = 127 - 7, the biases
  if (fraction === 0) return sign
  const shift = Math.clz32(fraction) - 28 // brings a subnormal's leading one to bit 3, where it is implicit
  return sign | ((121 - shift) << 23) | (((fraction << shift) & 0x7) << 20)
}

/** bfloat16 is the upper half of binary32. */
export function bfloat16Bits(half: number): number {
  return half << 16
}
