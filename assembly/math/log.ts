import { loadSplat, madd } from "../simd";
import { high, low, pair } from "./pair";

/** (log(1 + f) - f + f^2 / 2) / f^3 on [sqrt(1/2) - 1, sqrt(2) - 1], degree 8: log to 2^-30.3, 0.02 ulp. scripts/fit-math.py. */
const C0: f32 = 0.333333135;
const C1: f32 = -0.250000089;
const C2: f32 = 0.200020716;
const C3: f32 = -0.166679889;
const C4: f32 = 0.142203584;
const C5: f32 = -0.124062337;
const C6: f32 = 0.118835501;
const C7: f32 = -0.116701052;
const C8: f32 = 0.0674927682;

/** ln 2 in two parts, the first of 15 bits: e * LN2_HI is exact for every exponent e. scripts/fit-math.py. */
const LN2_HI: f32 = 0.693145751953125;
const LN2_LO: f32 = 1.42860677e-6;

const TABLE: usize = memory.data<f32>([
  C0, C1, C2, C3, C4, C5, C6, C7, C8,
  LN2_HI, LN2_LO, 1, -0.5, 1.1754943508222875e-38, 8388608, 23, -Infinity, Infinity, 0,
]); // prettier-ignore

/** Bits of sqrt(1/2), of a mantissa. */
const BITS: usize = memory.data<i32>([0x3f3504f3, 0x007fffff]);

const ONE: usize = TABLE + 44;
const LEAST_NORMAL: usize = TABLE + 52;
const TWO_POWER_23: usize = TABLE + 56;
const TWENTY_THREE: usize = TABLE + 60;
const NEGATIVE_INFINITY: usize = TABLE + 64;
const POSITIVE_INFINITY: usize = TABLE + 68;
const ZERO: usize = TABLE + 72;

/** ln(x): -Infinity at 0, NaN below. */
// @ts-ignore: decorator
@inline
export function logLanes<T>(x: v128): v128 {
  if (sizeof<T>() == 8) {
    return pair(NativeMath.log(low(x)), NativeMath.log(high(x)));
  } else {
    return specialCases(x, logPositive(x));
  }
}

/** ln(x) for 0 < x < Infinity, as e ln 2 + log(1 + f) with 1 + f in [sqrt(1/2), sqrt(2)). */
// @ts-ignore: decorator
@inline
function logPositive(x: v128): v128 {
  const subnormal = f32x4.lt(x, loadSplat<f32>(LEAST_NORMAL));
  const normal = v128.bitselect(f32x4.mul(x, loadSplat<f32>(TWO_POWER_23)), x, subnormal);
  const fromRoot = i32x4.sub(normal, loadSplat<i32>(BITS));
  const e = f32x4.sub(
    f32x4.convert_i32x4_s(i32x4.shr_s(fromRoot, 23)),
    v128.and(subnormal, loadSplat<f32>(TWENTY_THREE)),
  );
  const mantissa = i32x4.add(v128.and(fromRoot, loadSplat<i32>(BITS + 4)), loadSplat<i32>(BITS));
  const f = f32x4.sub(mantissa, loadSplat<f32>(ONE));
  const square = f32x4.mul(f, f);
  const small = madd<f32>(e, loadSplat<f32>(TABLE + 40), f32x4.mul(f32x4.mul(square, f), cubicFactor(f)));
  const tail = madd<f32>(square, loadSplat<f32>(TABLE + 48), small);
  return madd<f32>(e, loadSplat<f32>(TABLE + 36), f32x4.add(f, tail));
}

// @ts-ignore: decorator
@inline
function cubicFactor(f: v128): v128 {
  let p = madd<f32>(f, loadSplat<f32>(TABLE + 32), loadSplat<f32>(TABLE + 28));
  p = madd<f32>(f, p, loadSplat<f32>(TABLE + 24));
  p = madd<f32>(f, p, loadSplat<f32>(TABLE + 20));
  p = madd<f32>(f, p, loadSplat<f32>(TABLE + 16));
  p = madd<f32>(f, p, loadSplat<f32>(TABLE + 12));
  p = madd<f32>(f, p, loadSplat<f32>(TABLE + 8));
  p = madd<f32>(f, p, loadSplat<f32>(TABLE + 4));
  return madd<f32>(f, p, loadSplat<f32>(TABLE));
}

/** Infinity and NaN are their own logarithms; a mask of ones is a NaN. */
// @ts-ignore: decorator
@inline
function specialCases(x: v128, y: v128): v128 {
  const zero = loadSplat<f32>(ZERO);
  const finite = v128.bitselect(y, x, f32x4.lt(x, loadSplat<f32>(POSITIVE_INFINITY)));
  const known = v128.bitselect(loadSplat<f32>(NEGATIVE_INFINITY), finite, f32x4.eq(x, zero));
  return v128.or(known, f32x4.lt(x, zero));
}
