import { loadSplat, madd } from "../simd";
import { MANTISSA_BITS, ROUND_BIASED, expm1Reduced, roundPower } from "./exp-core";
import { high, low, pair } from "./pair";

/** Bounds beyond which expm1 is infinite or -1; 2^-26, below which it is x; 1/2; the lowest bit of an exponent. */
const TABLE: usize = memory.data<f32>([89, -18, 1.4901161193847656e-8, 0.5, 1.1754943508222875e-38]);

/** exp(x) - 1, accurate near 0. */
// @ts-ignore: decorator
@inline
export function expm1Lanes<T>(x: v128): v128 {
  if (sizeof<T>() == 8) {
    return pair(NativeMath.expm1(low(x)), NativeMath.expm1(high(x)));
  } else {
    const bounded = f32x4.pmax(f32x4.pmin(x, loadSplat<f32>(TABLE)), loadSplat<f32>(TABLE + 4));
    const rounded = roundPower(bounded, ROUND_BIASED);
    // Half of 2^n, so that n = 128 stays finite until the last addition.
    const halfPower = i32x4.sub(i32x4.shl(rounded, MANTISSA_BITS), loadSplat<f32>(TABLE + 16));
    const reduced = expm1Reduced(bounded, rounded, ROUND_BIASED);
    const half = madd<f32>(reduced, halfPower, f32x4.sub(halfPower, loadSplat<f32>(TABLE + 12)));
    const tiny = f32x4.lt(f32x4.abs(x), loadSplat<f32>(TABLE + 8));
    return v128.bitselect(x, f32x4.add(half, half), tiny);
  }
}
