// @ts-nocheck: AssemblyScript, compiled at the start of the benches (support/kernels.ts)
/** Reading a buffer once, as fast as loads go: the limit of whatever touches each weight once. */

/** Bytes that one round of the loop reads. */
export const READ_BLOCK: i32 = 128

/** Exclusive or of all 32-bit words in [start, start + bytes), `passes` times; bytes: a whole number of READ_BLOCK. */
export function read(start: usize, bytes: i32, passes: i32): i32 {
  const end = start + <usize>bytes
  let acc0 = i32x4.splat(0)
  let acc1 = i32x4.splat(0)
  let acc2 = i32x4.splat(0)
  let acc3 = i32x4.splat(0)
  for (; passes > 0; passes--) {
    for (let p = start; p < end; p += READ_BLOCK) {
      acc0 = v128.xor(acc0, v128.load(p, 0))
      acc1 = v128.xor(acc1, v128.load(p, 16))
      acc2 = v128.xor(acc2, v128.load(p, 32))
      acc3 = v128.xor(acc3, v128.load(p, 48))
      acc0 = v128.xor(acc0, v128.load(p, 64))
      acc1 = v128.xor(acc1, v128.load(p, 80))
      acc2 = v128.xor(acc2, v128.load(p, 96))
      acc3 = v128.xor(acc3, v128.load(p, 112))
    }
  }
  acc0 = v128.xor(v128.xor(acc0, acc1), v128.xor(acc2, acc3))
  return (
    i32x4.extract_lane(acc0, 0) ^
    i32x4.extract_lane(acc0, 1) ^
    i32x4.extract_lane(acc0, 2) ^
    i32x4.extract_lane(acc0, 3)
  )
}
