import { Real } from "real";
import { madd } from "../simd";
import { constant } from "./constant";
import { MANTISSA_BITS, ROUND_BIASED, expm1Reduced, roundPower } from "./exp-core";
import { high, low, pair } from "./pair";

/** expm1 of these rounds to infinity and to -1. */
const HIGHEST: usize = memory.data<f32>([89]);
const LOWEST: usize = memory.data<f32>([-18]);

/** 2^-26: below it expm1(x) rounds to x. */
const TINY: usize = memory.data<f32>([1.4901161193847656e-8]);

const HALF: usize = memory.data<f32>([0.5]);

/** 2^-126, whose bits are those of an exponent of 1. */
const EXPONENT_STEP: usize = memory.data<f32>([1.1754943508222875e-38]);

/** exp(x) - 1, accurate near 0. Greatest error in ulp, exhaustive: 1.45, relaxed 1.44. */
// @ts-ignore: decorator
@inline
export function expm1Lanes(x: v128): v128 {
  if (sizeof<Real>() == 8) {
    return pair(NativeMath.expm1(low(x)), NativeMath.expm1(high(x)));
  } else {
    const bounded = f32x4.pmax(f32x4.pmin(x, constant(HIGHEST)), constant(LOWEST));
    const rounded = roundPower(bounded, ROUND_BIASED);
    // Half of 2^n, so that n = 128 stays finite until the last addition.
    const halfPower = i32x4.sub(i32x4.shl(rounded, MANTISSA_BITS), constant(EXPONENT_STEP));
    const reduced = expm1Reduced(bounded, rounded, ROUND_BIASED);
    const half = madd<f32>(reduced, halfPower, f32x4.sub(halfPower, constant(HALF)));
    // Halving would cost a subnormal its last bit, and a zero its sign.
    return v128.bitselect(x, f32x4.add(half, half), f32x4.lt(f32x4.abs(x), constant(TINY)));
  }
}
