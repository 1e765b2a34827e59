import { loadSplat, madd } from "../simd";
import { expNonPositive } from "./exp-core";
import { high, low, pair } from "./pair";

/** (log1p(e) - e) / e^2 on [0, 1], degree 9: log1p to 2^-30.1, 0.02 ulp. scripts/fit-math.py. */
const C0: f32 = -0.499999881;
const C1: f32 = 0.333327144;
const C2: f32 = -0.249888644;
const C3: f32 = 0.198996216;
const C4: f32 = -0.161351576;
const C5: f32 = 0.124794811;
const C6: f32 = -0.0832380503;
const C7: f32 = 0.0421139076;
const C8: f32 = -0.0136911869;
const C9: f32 = 0.00208444009;

/** The coefficients, 0 and the sign bit. */
const TABLE: usize = memory.data<f32>([C0, C1, C2, C3, C4, C5, C6, C7, C8, C9, 0, -0.0]);

/** log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)). */
// @ts-ignore: decorator
@inline
export function softplusLanes<T>(x: v128): v128 {
  if (sizeof<T>() == 8) {
    return pair(softplus(low(x)), softplus(high(x)));
  } else {
    const e = expNonPositive(v128.or(x, loadSplat<f32>(TABLE + 44)));
    return f32x4.add(f32x4.pmax(x, loadSplat<f32>(TABLE + 40)), log1pUnit(e));
  }
}

/** log1p(e) for e in [0, 1]. */
// @ts-ignore: decorator
@inline
function log1pUnit(e: v128): v128 {
  let p = madd<f32>(e, loadSplat<f32>(TABLE + 36), loadSplat<f32>(TABLE + 32));
  p = madd<f32>(e, p, loadSplat<f32>(TABLE + 28));
  p = madd<f32>(e, p, loadSplat<f32>(TABLE + 24));
  p = madd<f32>(e, p, loadSplat<f32>(TABLE + 20));
  p = madd<f32>(e, p, loadSplat<f32>(TABLE + 16));
  p = madd<f32>(e, p, loadSplat<f32>(TABLE + 12));
  p = madd<f32>(e, p, loadSplat<f32>(TABLE + 8));
  p = madd<f32>(e, p, loadSplat<f32>(TABLE + 4));
  p = madd<f32>(e, p, loadSplat<f32>(TABLE));
  return madd<f32>(f32x4.mul(e, e), p, e);
}

function softplus(x: f64): f64 {
  return (x < 0 ? 0 : x) + NativeMath.log1p(NativeMath.exp(-abs(x)));
}
