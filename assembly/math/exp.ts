import { loadSplat } from "../simd";
import { MANTISSA_BITS, ROUND_TWICE_BIASED, expm1Reduced, one, roundPower } from "./exp-core";
import { high, low, pair } from "./pair";

/** Outside these exp is 0 or infinite; within them n stays in [-151, 128]. */
const BOUNDS: usize = memory.data<f32>([89, -105]);

/** exp(x). */
// @ts-ignore: decorator
@inline
export function expLanes<T>(x: v128): v128 {
  if (sizeof<T>() == 8) {
    return pair(NativeMath.exp(low(x)), NativeMath.exp(high(x)));
  } else {
    const bounded = f32x4.pmax(f32x4.pmin(x, loadSplat<f32>(BOUNDS)), loadSplat<f32>(BOUNDS + 4));
    const rounded = roundPower(bounded, ROUND_TWICE_BIASED);
    // 2^n as two factors, for n reaches beyond the exponents of float32 on both sides.
    const firstHalf = i32x4.shr_u(rounded, 1);
    const secondHalf = i32x4.sub(rounded, firstHalf);
    const mantissa = f32x4.add(expm1Reduced(bounded, rounded, ROUND_TWICE_BIASED), one());
    const scaled = f32x4.mul(mantissa, i32x4.shl(firstHalf, MANTISSA_BITS));
    return f32x4.mul(scaled, i32x4.shl(secondHalf, MANTISSA_BITS));
  }
}
