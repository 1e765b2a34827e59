/** What exp, expm1, tanh, sigmoid and softplus share in float32: x = n ln 2 + r with |r| <= ln 2 / 2, and expm1(r). */
import { madd } from "../simd";
import { constant } from "./constant";

/** 1.5 * 2^23: added to a float32 below 2^22 in size, it leaves the nearest integer in the low bits of the sum. */
const ROUNDER: f32 = 12582912;

/** Bias of a float32 exponent. */
const BIAS: f32 = 127;

/** Results down to the subnormals are made 2^64 times too large and scaled down at the end, with one rounding. */
const LIFT: f32 = 64;
const UNLIFT: usize = memory.data<f32>([5.421010862427522e-20]); // 2^-64

/** The low bits of x log2(e) + one of these are 2^n's exponent: biased twice (to be split in halves), once, and lifted. */
export const ROUND_TWICE_BIASED: usize = memory.data<f32>([ROUNDER + 2 * BIAS]);
export const ROUND_BIASED: usize = memory.data<f32>([ROUNDER + BIAS]);
export const ROUND_LIFTED: usize = memory.data<f32>([ROUNDER + BIAS + LIFT]);

/** Bits of a float32 below its exponent. */
export const MANTISSA_BITS: i32 = 23;

export const ONE: usize = memory.data<f32>([1]);
const LOG2E: usize = memory.data<f32>([1.4426950408889634]);

/** exp of it is below half the least subnormal, 2^-150. */
export const EXP_LOWEST: usize = memory.data<f32>([-105]);

/** -ln 2 in two parts, the first of 15 bits: its product with n is exact for |n| < 512. scripts/fit-math.py. */
const MINUS_LN2_HIGH: usize = memory.data<f32>([-0.693145751953125]);
const MINUS_LN2_LOW: usize = memory.data<f32>([-1.42860677e-6]);

/** (expm1(r) - r) / r^2 on |r| <= ln 2 / 2, lowest power first: expm1 to 2^-31.1, 0.01 ulp. scripts/fit-math.py. */
const EXPM1_FACTOR: usize = memory.data<f32>([
  0.5, 0.166666657, 0.0416664928, 0.00833354704, 0.00139323238, 0.000197606671,
]);

/** x log2(e) rounded to an integer n, plus `rounder` (one of those above). */
// @ts-ignore: decorator
@inline
export function roundPower(x: v128, rounder: usize): v128 {
  return madd<f32>(x, constant(LOG2E), constant(rounder));
}

/** expm1(x - n ln 2), `rounded` being roundPower(x, rounder). */
// @ts-ignore: decorator
@inline
export function expm1Reduced(x: v128, rounded: v128, rounder: usize): v128 {
  const n = f32x4.sub(rounded, constant(rounder));
  const r = madd<f32>(n, constant(MINUS_LN2_LOW), madd<f32>(n, constant(MINUS_LN2_HIGH), x));
  let p = madd<f32>(r, constant(EXPM1_FACTOR, 5), constant(EXPM1_FACTOR, 4));
  p = madd<f32>(r, p, constant(EXPM1_FACTOR, 3));
  p = madd<f32>(r, p, constant(EXPM1_FACTOR, 2));
  p = madd<f32>(r, p, constant(EXPM1_FACTOR, 1));
  p = madd<f32>(r, p, constant(EXPM1_FACTOR, 0));
  return madd<f32>(f32x4.mul(r, r), p, r);
}

/** exp(x) for x <= 0 or NaN, subnormal results included. */
// @ts-ignore: decorator
@inline
export function expNonPositive(x: v128): v128 {
  // pmax keeps a NaN in its first operand.
  const bounded = f32x4.pmax(x, constant(EXP_LOWEST));
  const rounded = roundPower(bounded, ROUND_LIFTED);
  const mantissa = f32x4.add(expm1Reduced(bounded, rounded, ROUND_LIFTED), constant(ONE));
  return f32x4.mul(f32x4.mul(mantissa, i32x4.shl(rounded, MANTISSA_BITS)), constant(UNLIFT));
}
