/**
 * What exp, expm1, tanh, sigmoid and softplus share in float32: x = n ln 2 + r with |r| <= ln 2 / 2, and expm1(r).
 *
 * Constants are read from memory: Node 24 and 26 build a literal vector anew at each use.
 */
import { loadSplat, madd } from "../simd";

/** 1.5 * 2^23: added to a float32 below 2^22 in size, it leaves the nearest integer in the low bits of the sum. */
const ROUNDER: f32 = 12582912;

/** Bias of a float32 exponent. */
const BIAS: f32 = 127;

/** Results down to the subnormals are made 2^64 times too large and scaled down at the end, with one rounding. */
const LIFT: f32 = 64;

const LOG2E: f32 = 1.4426950408889634;

/** ln 2 in two parts, the first of 15 bits: n * LN2_HI is exact for |n| < 512. scripts/fit-math.py. */
const LN2_HI: f32 = 0.693145751953125;
const LN2_LO: f32 = 1.42860677e-6;

/** (expm1(r) - r) / r^2 on |r| <= ln 2 / 2, degree 5: expm1 to 2^-31.1, 0.01 ulp. scripts/fit-math.py. */
const C0: f32 = 0.5;
const C1: f32 = 0.166666657;
const C2: f32 = 0.0416664928;
const C3: f32 = 0.00833354704;
const C4: f32 = 0.00139323238;
const C5: f32 = 0.000197606671;

const TABLE: usize = memory.data<f32>([
  LOG2E, -LN2_HI, -LN2_LO, C0, C1, C2, C3, C4, C5,
  1, 2, ROUNDER + 2 * BIAS, ROUNDER + BIAS, ROUNDER + BIAS + LIFT, 5.421010862427522e-20, -105,
]); // prettier-ignore

/** Addresses of the rounders: the exponent bits of 2^n are then the low bits of the rounded sum, under its own bias. */
export const ROUND_TWICE_BIASED: usize = TABLE + 44; // n + 254: splits into two biased halves
export const ROUND_BIASED: usize = TABLE + 48; // n + 127
export const ROUND_LIFTED: usize = TABLE + 52; // n + 127 + 64

/** Bits of a float32 below its exponent. */
export const MANTISSA_BITS: i32 = 23;

const ONE: usize = TABLE + 36;
const UNLIFT: usize = TABLE + 56; // 2^-64
const LOWEST: usize = TABLE + 60; // exp of it is below half the least subnormal, 2^-150

/** 1 in every lane. */
// @ts-ignore: decorator
@inline
export function one(): v128 {
  return loadSplat<f32>(ONE);
}

/** x log2(e) rounded to an integer n, plus the rounder at the given address. */
// @ts-ignore: decorator
@inline
export function roundPower(x: v128, rounder: usize): v128 {
  return madd<f32>(x, loadSplat<f32>(TABLE), loadSplat<f32>(rounder));
}

/** expm1(x - n ln 2), `rounded` being roundPower(x, rounder). */
// @ts-ignore: decorator
@inline
export function expm1Reduced(x: v128, rounded: v128, rounder: usize): v128 {
  const n = f32x4.sub(rounded, loadSplat<f32>(rounder));
  const r = madd<f32>(n, loadSplat<f32>(TABLE + 8), madd<f32>(n, loadSplat<f32>(TABLE + 4), x));
  let p = madd<f32>(r, loadSplat<f32>(TABLE + 32), loadSplat<f32>(TABLE + 28));
  p = madd<f32>(r, p, loadSplat<f32>(TABLE + 24));
  p = madd<f32>(r, p, loadSplat<f32>(TABLE + 20));
  p = madd<f32>(r, p, loadSplat<f32>(TABLE + 16));
  p = madd<f32>(r, p, loadSplat<f32>(TABLE + 12));
  return madd<f32>(f32x4.mul(r, r), p, r);
}

/** exp(x) for x <= 0 or NaN, subnormal results included. */
// @ts-ignore: decorator
@inline
export function expNonPositive(x: v128): v128 {
  const bounded = f32x4.pmax(x, loadSplat<f32>(LOWEST));
  const rounded = roundPower(bounded, ROUND_LIFTED);
  const lifted = f32x4.mul(
    f32x4.add(expm1Reduced(bounded, rounded, ROUND_LIFTED), one()),
    i32x4.shl(rounded, MANTISSA_BITS),
  );
  return f32x4.mul(lifted, loadSplat<f32>(UNLIFT));
}
