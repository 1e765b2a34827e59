// @ts-nocheck: AssemblyScript, compiled at the start of the benches (support/kernels.ts)
/**
 * Arithmetic with nothing but registers: no product can run faster. Twelve accumulators hide the latency of a multiply and
 * an add, and leave registers for the operands.
 */

/** Floating-point operations of one round: accumulators, lanes, a multiply and an add. */
export const FLOPS_PER_ROUND: i32 = 12 * 4 * 2

/**
 * `rounds` rounds; the sum of all lanes keeps them from being removed. Strict: acc x + y, since a compiler would hoist
 * x y out of the loop; bounded and never subnormal for 0 < x < 1. An add waits for its multiply here, seven cycles on Zen 5
 * for twelve accumulators, so that a product, whose multiplies wait for nothing, may exceed it by some percent; a
 * thirteenth accumulator spills. Relaxed: acc + x y, the form that the processor has.
 */
export function ceiling(rounds: i32, x: f32, y: f32): f32 {
  const xs = f32x4.splat(x)
  const ys = f32x4.splat(y)
  let acc0 = f32x4.splat(0.1)
  let acc1 = f32x4.splat(0.2)
  let acc2 = f32x4.splat(0.3)
  let acc3 = f32x4.splat(0.4)
  let acc4 = f32x4.splat(0.5)
  let acc5 = f32x4.splat(0.6)
  let acc6 = f32x4.splat(0.7)
  let acc7 = f32x4.splat(0.8)
  let acc8 = f32x4.splat(0.9)
  let acc9 = f32x4.splat(1)
  let acc10 = f32x4.splat(1.1)
  let acc11 = f32x4.splat(1.2)
  for (; rounds > 0; rounds--) {
    acc0 = ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_madd(xs, ys, acc0) : f32x4.add(f32x4.mul(acc0, xs), ys)
    acc1 = ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_madd(xs, ys, acc1) : f32x4.add(f32x4.mul(acc1, xs), ys)
    acc2 = ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_madd(xs, ys, acc2) : f32x4.add(f32x4.mul(acc2, xs), ys)
    acc3 = ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_madd(xs, ys, acc3) : f32x4.add(f32x4.mul(acc3, xs), ys)
    acc4 = ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_madd(xs, ys, acc4) : f32x4.add(f32x4.mul(acc4, xs), ys)
    acc5 = ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_madd(xs, ys, acc5) : f32x4.add(f32x4.mul(acc5, xs), ys)
    acc6 = ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_madd(xs, ys, acc6) : f32x4.add(f32x4.mul(acc6, xs), ys)
    acc7 = ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_madd(xs, ys, acc7) : f32x4.add(f32x4.mul(acc7, xs), ys)
    acc8 = ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_madd(xs, ys, acc8) : f32x4.add(f32x4.mul(acc8, xs), ys)
    acc9 = ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_madd(xs, ys, acc9) : f32x4.add(f32x4.mul(acc9, xs), ys)
    acc10 = ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_madd(xs, ys, acc10) : f32x4.add(f32x4.mul(acc10, xs), ys)
    acc11 = ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_madd(xs, ys, acc11) : f32x4.add(f32x4.mul(acc11, xs), ys)
  }
  acc0 = f32x4.add(f32x4.add(acc0, acc1), f32x4.add(acc2, acc3))
  acc4 = f32x4.add(f32x4.add(acc4, acc5), f32x4.add(acc6, acc7))
  acc8 = f32x4.add(f32x4.add(acc8, acc9), f32x4.add(acc10, acc11))
  acc0 = f32x4.add(f32x4.add(acc0, acc4), acc8)
  return (
    f32x4.extract_lane(acc0, 0) +
    f32x4.extract_lane(acc0, 1) +
    f32x4.extract_lane(acc0, 2) +
    f32x4.extract_lane(acc0, 3)
  )
}
