/** x^y. In float32 by way of float64, two lanes at a time: 2^(y log2(x)), of which y log2(x) needs more bits than a float32 has. */
import { Real } from "real";
import { at, loadSplat, madd, splat } from "../simd";
import { constant } from "./constant";
import { high, low, pair } from "./pair";

/** log2((1 + s) / (1 - s)) / s by s^2, lowest power first, for (1 + s) / (1 - s) in [sqrt(1/2), sqrt(2)): to 2^-37.8. scripts/fit-math.py. */
const LOG2_FACTOR: usize = memory.data<f64>([
  2.8853900817900873, 0.9617966733412584, 0.5770835850114292, 0.41167271801718003, 0.3407301045603392,
]);

/** (2^r - 1) / r on |r| <= 1/2, lowest power first: 2^r to 2^-34.3. scripts/fit-math.py. */
const EXP2_FACTOR: usize = memory.data<f64>([
  0.6931471807047777, 0.24022651066993042, 0.05550410365341529, 0.00961803806079477, 0.001333393538885855,
  0.00015466781171467165, 1.5196127994413184e-5,
]);

const MANTISSA_BITS: i32 = 52;
const MANTISSA_MASK: usize = memory.data<i64>([0x000fffffffffffff]);
const ROOT_HALF_BITS: usize = memory.data<i64>([0x3fe6a09e667f3bcd]); // sqrt(1/2) as a float64

/** 1.5 * 2^52 + 1023: added to a small float64, it leaves in the low bits the biased exponent of 2 to the nearest integer. */
const ROUNDER: usize = memory.data<f64>([6755399441056767]);

/** 2 to these is beyond all float32, subnormals included. */
const FURTHEST: usize = memory.data<f64>([200, -200]);

const ZERO: usize = memory.data<f64>([0]);
const UNIT: usize = memory.data<f64>([1]);
const INFINITE: usize = memory.data<f64>([Infinity, -Infinity]);

const HALF: usize = memory.data<f32>([0.5]);
const SIGN: usize = memory.data<f32>([-0.0]);
const MINUS_INFINITE: usize = memory.data<f32>([-Infinity]);

/**
 * x^y as C has it: 1 where y = 0 or x = 1, whatever the other is, and where x = -1 and y is infinite; NaN where x < 0 and y is no
 * integer. Greatest error in ulp of float32, of 10^9 draws: 0.507.
 */
// @ts-ignore: decorator
@inline
export function powLanes(x: v128, y: v128): v128 {
  if (sizeof<Real>() == 8) {
    const power = pair(NativeMath.pow(low(x), low(y)), NativeMath.pow(high(x), high(y)));
    return v128.bitselect(splat(1), power, isOne(x, y));
  } else {
    return v128.bitselect(splat(1), signedPower(x, y), isOne(x, y));
  }
}

// @ts-ignore: decorator
@inline
function isOne(x: v128, y: v128): v128 {
  const isEndless = v128.eq<Real>(v128.abs<Real>(y), splat(<Real>Infinity));
  const isUnitEndless = v128.and(v128.eq<Real>(v128.abs<Real>(x), splat(1)), isEndless);
  return v128.or(v128.or(v128.eq<Real>(y, splat(0)), v128.eq<Real>(x, splat(1))), isUnitEndless);
}

/** The power of |x| under the sign that x and an odd y give it, NaN where there is none. */
// @ts-ignore: decorator
@inline
function signedPower(x: v128, y: v128): v128 {
  const isWhole = f32x4.eq(f32x4.floor(y), y);
  const half = f32x4.mul(y, constant(HALF));
  const isOdd = v128.andnot(isWhole, f32x4.eq(f32x4.floor(half), half));
  const sign = v128.and(v128.and(x, constant(SIGN)), isOdd);
  const isNegative = v128.and(f32x4.lt(x, f32x4.splat(0)), f32x4.gt(x, constant(MINUS_INFINITE)));
  // a mask of ones is a NaN
  return v128.or(v128.or(power(f32x4.abs(x), y), sign), v128.andnot(isNegative, isWhole));
}

/** x^y for x >= 0 or NaN. */
// @ts-ignore: decorator
@inline
function power(x: v128, y: v128): v128 {
  const first = doublePower(f64x2.promote_low_f32x4(x), f64x2.promote_low_f32x4(y));
  const second = doublePower(promoteHigh(x), promoteHigh(y));
  return v128.shuffle<f64>(f32x4.demote_f64x2_zero(first), f32x4.demote_f64x2_zero(second), 0, 2);
}

// @ts-ignore: decorator
@inline
function promoteHigh(x: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<f64>(x, x, 1, 1));
}

/** x^y in float64, as far as float32 tells powers apart. */
function doublePower(x: v128, y: v128): v128 {
  const exponent = f64x2.mul(y, log2(x));
  // pmin and pmax keep a NaN in their first operand
  const bounded = f64x2.pmax(f64x2.pmin(exponent, double(FURTHEST)), double(FURTHEST, 1));
  const rounded = f64x2.add(bounded, double(ROUNDER));
  const r = f64x2.sub(bounded, f64x2.sub(rounded, double(ROUNDER)));
  let p = madd<f64>(r, double(EXP2_FACTOR, 6), double(EXP2_FACTOR, 5));
  p = madd<f64>(r, p, double(EXP2_FACTOR, 4));
  p = madd<f64>(r, p, double(EXP2_FACTOR, 3));
  p = madd<f64>(r, p, double(EXP2_FACTOR, 2));
  p = madd<f64>(r, p, double(EXP2_FACTOR, 1));
  p = madd<f64>(r, p, double(EXP2_FACTOR, 0));
  return f64x2.mul(madd<f64>(r, p, double(UNIT)), i64x2.shl(rounded, MANTISSA_BITS));
}

/** Of a float64 that a float32 holds, none of them subnormal: -Infinity at 0; Infinity and NaN are their own. */
// @ts-ignore: decorator
@inline
function log2(x: v128): v128 {
  const fromRoot = i64x2.sub(x, loadSplat<i64>(ROOT_HALF_BITS));
  const exponents = i64x2.shr_s(fromRoot, MANTISSA_BITS);
  const e = f64x2.convert_low_i32x4_s(v128.shuffle<i32>(exponents, exponents, 0, 2, 0, 2));
  const m = i64x2.add(v128.and(fromRoot, loadSplat<i64>(MANTISSA_MASK)), loadSplat<i64>(ROOT_HALF_BITS));
  const s = f64x2.div(f64x2.sub(m, double(UNIT)), f64x2.add(m, double(UNIT)));
  const z = f64x2.mul(s, s);
  let p = madd<f64>(z, double(LOG2_FACTOR, 4), double(LOG2_FACTOR, 3));
  p = madd<f64>(z, p, double(LOG2_FACTOR, 2));
  p = madd<f64>(z, p, double(LOG2_FACTOR, 1));
  p = madd<f64>(z, p, double(LOG2_FACTOR, 0));
  const finite = v128.bitselect(madd<f64>(s, p, e), x, f64x2.lt(x, double(INFINITE)));
  return v128.bitselect(double(INFINITE, 1), finite, f64x2.eq(x, double(ZERO)));
}

/** Element `index` of the float64 table at `table`, in every lane. */
// @ts-ignore: decorator
@inline
function double(table: usize, index: i32 = 0): v128 {
  return loadSplat<f64>(at<f64>(table, index));
}
