import { Real } from "real";
import { madd } from "../simd";
import { constant } from "./constant";
import { MANTISSA_BITS, ONE, ROUND_BIASED, expm1Reduced, roundPower } from "./exp-core";
import { high, low, pair } from "./pair";

const MINUS_TWO: usize = memory.data<f32>([-2]);

/** -2 times an x whose tanh rounds to 1. */
const LOWEST: usize = memory.data<f32>([-18.04]);

const SIGN: usize = memory.data<f32>([-0.0]);

/** tanh(x) = -m / (m + 2) with m = expm1(-2 |x|), under the sign of x. Greatest error in ulp, exhaustive: 2.50. */
// @ts-ignore: decorator
@inline
export function tanhLanes(x: v128): v128 {
  if (sizeof<Real>() == 8) {
    return pair(NativeMath.tanh(low(x)), NativeMath.tanh(high(x)));
  } else {
    const doubled = f32x4.pmax(f32x4.mul(f32x4.abs(x), constant(MINUS_TWO)), constant(LOWEST));
    const rounded = roundPower(doubled, ROUND_BIASED);
    const power = i32x4.shl(rounded, MANTISSA_BITS);
    const m = madd<f32>(expm1Reduced(doubled, rounded, ROUND_BIASED), power, f32x4.sub(power, constant(ONE)));
    return v128.bitselect(x, f32x4.div(m, f32x4.sub(constant(MINUS_TWO), m)), constant(SIGN));
  }
}
