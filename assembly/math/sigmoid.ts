import { loadSplat } from "../simd";
import { expNonPositive, one } from "./exp-core";
import { high, low, pair } from "./pair";

const SIGN: usize = memory.data<f32>([-0.0]);

/** 1 / (1 + exp(-x)) = (1 or e) / (1 + e) with e = exp(-|x|), e being the numerator where x < 0. */
// @ts-ignore: decorator
@inline
export function sigmoidLanes<T>(x: v128): v128 {
  if (sizeof<T>() == 8) {
    return pair(sigmoid(low(x)), sigmoid(high(x)));
  } else {
    const e = expNonPositive(v128.or(x, loadSplat<f32>(SIGN)));
    const numerator = v128.bitselect(e, one(), i32x4.shr_s(x, 31));
    return f32x4.div(numerator, f32x4.add(e, one()));
  }
}

function sigmoid(x: f64): f64 {
  const e = NativeMath.exp(-abs(x));
  return (x < 0 ? e : 1) / (1 + e);
}
