import { Real } from "real";
import { madd } from "../simd";
import { constant } from "./constant";
import { expNonPositive } from "./exp-core";
import { high, low, pair } from "./pair";

/** (log1p(e) - e) / e^2 on [0, 1], lowest power first: log1p to 2^-30.1, 0.02 ulp. scripts/fit-math.py. */
const LOG1P_FACTOR: usize = memory.data<f32>([
  -0.499999881, 0.333327144, -0.249888644, 0.198996216, -0.161351576, 0.124794811, -0.0832380503, 0.0421139076,
  -0.0136911869, 0.00208444009,
]);

const ZERO: usize = memory.data<f32>([0]);
const SIGN: usize = memory.data<f32>([-0.0]);

/** log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)). Greatest error in ulp, exhaustive: 2.25, relaxed 1.86. */
// @ts-ignore: decorator
@inline
export function softplusLanes(x: v128): v128 {
  if (sizeof<Real>() == 8) {
    return pair(softplus(low(x)), softplus(high(x)));
  } else {
    const e = expNonPositive(v128.or(x, constant(SIGN)));
    return f32x4.add(f32x4.pmax(x, constant(ZERO)), log1pUnit(e));
  }
}

/** log1p(e) for e in [0, 1]. */
// @ts-ignore: decorator
@inline
function log1pUnit(e: v128): v128 {
  let p = madd<f32>(e, constant(LOG1P_FACTOR, 9), constant(LOG1P_FACTOR, 8));
  p = madd<f32>(e, p, constant(LOG1P_FACTOR, 7));
  p = madd<f32>(e, p, constant(LOG1P_FACTOR, 6));
  p = madd<f32>(e, p, constant(LOG1P_FACTOR, 5));
  p = madd<f32>(e, p, constant(LOG1P_FACTOR, 4));
  p = madd<f32>(e, p, constant(LOG1P_FACTOR, 3));
  p = madd<f32>(e, p, constant(LOG1P_FACTOR, 2));
  p = madd<f32>(e, p, constant(LOG1P_FACTOR, 1));
  p = madd<f32>(e, p, constant(LOG1P_FACTOR, 0));
  return madd<f32>(f32x4.mul(e, e), p, e);
}

function softplus(x: f64): f64 {
  return (x < 0 ? 0 : x) + NativeMath.log1p(NativeMath.exp(-abs(x)));
}
