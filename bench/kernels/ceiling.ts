// @ts-nocheck: AssemblyScript, compiled at the start of the benches (support/kernels.ts)
/**
 * Arithmetic with nothing but registers: no product can run faster. Twelve accumulators hide the latency of a multiply and
 * an add, and leave registers for the operands.
 */

/**
 * One term. Strict: acc x + y, since a compiler would hoist x y out of the loop. Relaxed: acc + x y, the form that the
 * processor's instruction has.
 */
function term(acc: v128, x: v128, y: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(x, y, acc)
  return f32x4.add(f32x4.mul(acc, x), y)
}

/** Floating-point operations of one round: accumulators, lanes, a multiply and an add. */
export const FLOPS_PER_ROUND: i32 = 12 * 4 * 2

/** `rounds` rounds; the sum of all lanes keeps them from being removed. Bounded, never subnormal for 0 < x < 1. */
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
    acc0 = term(acc0, xs, ys)
    acc1 = term(acc1, xs, ys)
    acc2 = term(acc2, xs, ys)
    acc3 = term(acc3, xs, ys)
    acc4 = term(acc4, xs, ys)
    acc5 = term(acc5, xs, ys)
    acc6 = term(acc6, xs, ys)
    acc7 = term(acc7, xs, ys)
    acc8 = term(acc8, xs, ys)
    acc9 = term(acc9, xs, ys)
    acc10 = term(acc10, xs, ys)
    acc11 = term(acc11, xs, ys)
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
