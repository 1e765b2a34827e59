import { Real } from "real";
import { constant } from "./constant";
import { ONE, expNonPositive } from "./exp-core";
import { high, low, pair } from "./pair";

const SIGN: usize = memory.data<f32>([-0.0]);
const SIGN_SHIFT: i32 = 31;

/**
 * 1 / (1 + exp(-x)) = (1 or e) / (1 + e) with e = exp(-|x|), e being the numerator where x < 0: so the negative tail
 * keeps its precision down to the subnormals. Greatest error in ulp, exhaustive: 2.40.
 */
// @ts-ignore: decorator
@inline
export function sigmoidLanes(x: v128): v128 {
  if (sizeof<Real>() == 8) {
    return pair(sigmoid(low(x)), sigmoid(high(x)));
  } else {
    const e = expNonPositive(v128.or(x, constant(SIGN)));
    const numerator = v128.bitselect(e, constant(ONE), i32x4.shr_s(x, SIGN_SHIFT));
    return f32x4.div(numerator, f32x4.add(e, constant(ONE)));
  }
}

function sigmoid(x: f64): f64 {
  const e = NativeMath.exp(-abs(x));
  return (x < 0 ? e : 1) / (1 + e);
}
