import { loadSplat, madd } from "../simd";
import { MANTISSA_BITS, ROUND_BIASED, expm1Reduced, one, roundPower } from "./exp-core";
import { high, low, pair } from "./pair";

/** -2; twice the bound beyond which tanh rounds to 1, negated; the sign bit. */
const TABLE: usize = memory.data<f32>([-2, -18.04, -0.0]);

/** tanh(x) = -m / (m + 2) with m = expm1(-2 |x|), under the sign of x. */
// @ts-ignore: decorator
@inline
export function tanhLanes<T>(x: v128): v128 {
  if (sizeof<T>() == 8) {
    return pair(NativeMath.tanh(low(x)), NativeMath.tanh(high(x)));
  } else {
    const minusTwo = loadSplat<f32>(TABLE);
    const doubled = f32x4.pmax(f32x4.mul(f32x4.abs(x), minusTwo), loadSplat<f32>(TABLE + 4));
    const rounded = roundPower(doubled, ROUND_BIASED);
    const power = i32x4.shl(rounded, MANTISSA_BITS);
    const m = madd<f32>(expm1Reduced(doubled, rounded, ROUND_BIASED), power, f32x4.sub(power, one()));
    return v128.bitselect(x, f32x4.div(m, f32x4.sub(minusTwo, m)), loadSplat<f32>(TABLE + 8));
  }
}
