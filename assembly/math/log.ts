import { Real } from "real";
import { loadSplat, madd } from "../simd";
import { constant } from "./constant";
import { high, low, pair } from "./pair";

/** (log(1 + f) - f + f^2 / 2) / f^3 on [sqrt(1/2) - 1, sqrt(2) - 1], lowest power first: log to 2^-30.3. scripts/fit-math.py. */
const LOG_FACTOR: usize = memory.data<f32>([
  0.333333135, -0.250000089, 0.200020716, -0.166679889, 0.142203584, -0.124062337, 0.118835501, -0.116701052,
  0.0674927682,
]);

/** ln 2 in two parts, the first of 15 bits: its product with any exponent is exact. scripts/fit-math.py. */
const LN2_HIGH: usize = memory.data<f32>([0.693145751953125]);
const LN2_LOW: usize = memory.data<f32>([1.42860677e-6]);

const MANTISSA_BITS: i32 = 23;
const MANTISSA_MASK: usize = memory.data<i32>([0x007fffff]);
const ROOT_HALF_BITS: usize = memory.data<i32>([0x3f3504f3]); // sqrt(1/2) as a float32

/** 2^-126. Below it x is taken times 2^23, and 23 from its exponent. */
const LEAST_NORMAL: usize = memory.data<f32>([1.1754943508222875e-38]);
const SUBNORMAL_SCALE: usize = memory.data<f32>([8388608]);
const SUBNORMAL_SHIFT: usize = memory.data<f32>([23]);

const ZERO: usize = memory.data<f32>([0]);
const ONE: usize = memory.data<f32>([1]);
const MINUS_HALF: usize = memory.data<f32>([-0.5]);
const INFINITE: usize = memory.data<f32>([Infinity]);
const MINUS_INFINITE: usize = memory.data<f32>([-Infinity]);

/** ln(x): -Infinity at 0, NaN below. Greatest error in ulp, exhaustive: 0.82, relaxed 0.81. */
// @ts-ignore: decorator
@inline
export function logLanes(x: v128): v128 {
  if (sizeof<Real>() == 8) {
    return pair(NativeMath.log(low(x)), NativeMath.log(high(x)));
  } else {
    return withSpecialCases(x, logPositive(x));
  }
}

/** ln(x) for 0 < x < Infinity, as e ln 2 + log(1 + f) with 1 + f in [sqrt(1/2), sqrt(2)). */
// @ts-ignore: decorator
@inline
function logPositive(x: v128): v128 {
  const subnormal = f32x4.lt(x, constant(LEAST_NORMAL));
  const normal = v128.bitselect(f32x4.mul(x, constant(SUBNORMAL_SCALE)), x, subnormal);
  const fromRoot = i32x4.sub(normal, loadSplat<i32>(ROOT_HALF_BITS));
  const exponent = f32x4.convert_i32x4_s(i32x4.shr_s(fromRoot, MANTISSA_BITS));
  const e = f32x4.sub(exponent, v128.and(subnormal, constant(SUBNORMAL_SHIFT)));
  const mantissa = v128.and(fromRoot, loadSplat<i32>(MANTISSA_MASK));
  const f = f32x4.sub(i32x4.add(mantissa, loadSplat<i32>(ROOT_HALF_BITS)), constant(ONE));
  const square = f32x4.mul(f, f);
  // Smallest terms first; the largest, e LN2_HIGH, is exact.
  const cubic = madd<f32>(e, constant(LN2_LOW), f32x4.mul(f32x4.mul(square, f), logFactor(f)));
  const quadratic = madd<f32>(square, constant(MINUS_HALF), cubic);
  return madd<f32>(e, constant(LN2_HIGH), f32x4.add(f, quadratic));
}

// @ts-ignore: decorator
@inline
function logFactor(f: v128): v128 {
  let p = madd<f32>(f, constant(LOG_FACTOR, 8), constant(LOG_FACTOR, 7));
  p = madd<f32>(f, p, constant(LOG_FACTOR, 6));
  p = madd<f32>(f, p, constant(LOG_FACTOR, 5));
  p = madd<f32>(f, p, constant(LOG_FACTOR, 4));
  p = madd<f32>(f, p, constant(LOG_FACTOR, 3));
  p = madd<f32>(f, p, constant(LOG_FACTOR, 2));
  p = madd<f32>(f, p, constant(LOG_FACTOR, 1));
  return madd<f32>(f, p, constant(LOG_FACTOR, 0));
}

/** Infinity and NaN are their own logarithms; a mask of ones is a NaN. */
// @ts-ignore: decorator
@inline
function withSpecialCases(x: v128, y: v128): v128 {
  const finite = v128.bitselect(y, x, f32x4.lt(x, constant(INFINITE)));
  const known = v128.bitselect(constant(MINUS_INFINITE), finite, f32x4.eq(x, constant(ZERO)));
  return v128.or(known, f32x4.lt(x, constant(ZERO)));
}
