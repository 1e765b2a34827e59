/** Widens 16-bit floats, each by its bits, so that NaN payloads, subnormals and the sign of zero survive. */
export function widen(bytes: ArrayBuffer, toFloat32Bits: (bits: number) => number): Float32Array {
  const bits = Uint32Array.from(new Uint16Array(bytes), toFloat32Bits)
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

/** bfloat16 is the upper half of binary32. */
export function bfloat16Bits(half: number): number {
  return half << 16
}
