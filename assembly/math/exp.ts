import { Real } from "real";
import { constant } from "./constant";
import { EXP_LOWEST, MANTISSA_BITS, ONE, ROUND_TWICE_BIASED, expm1Reduced, roundPower } from "./exp-core";
import { high, low, pair } from "./pair";

/** exp of it is above 2^128; below it n stays within 128. */
const HIGHEST: usize = memory.data<f32>([89]);

/** exp(x). Greatest error in ulp, exhaustive: 0.95, relaxed 0.98. */
// @ts-ignore: decorator
@inline
export function expLanes(x: v128): v128 {
  if (sizeof<Real>() == 8) {
    return pair(NativeMath.exp(low(x)), NativeMath.exp(high(x)));
  } else {
    const bounded = f32x4.pmax(f32x4.pmin(x, constant(HIGHEST)), constant(EXP_LOWEST));
    const rounded = roundPower(bounded, ROUND_TWICE_BIASED);
    // 2^n as two factors, for n reaches beyond the exponents of float32 on both sides.
    const firstHalf = i32x4.shr_u(rounded, 1);
    const secondHalf = i32x4.sub(rounded, firstHalf);
    const mantissa = f32x4.add(expm1Reduced(bounded, rounded, ROUND_TWICE_BIASED), constant(ONE));
    const scaled = f32x4.mul(mantissa, i32x4.shl(firstHalf, MANTISSA_BITS));
    return f32x4.mul(scaled, i32x4.shl(secondHalf, MANTISSA_BITS));
  }
}
