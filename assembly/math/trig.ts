/**
 * sin and cos. In float32 x = j pi/2 + r with |r| <= pi/4, by a polynomial for each; beyond FAST_LIMIT, where
 * j times a part of pi/2 is no longer exact, lane by lane in float64.
 */
import { Real } from "real";
import { loadSplat, madd } from "../simd";
import { constant } from "./constant";
import { high, low, pair } from "./pair";

/** 1.5 * 2^23: added to a float32 below 2^22 in size, it leaves the nearest integer in the low bits of the sum. */
const ROUNDER: usize = memory.data<f32>([12582912]);
const TWO_OVER_PI: usize = memory.data<f32>([0.6366197723675814]);

/** -pi/2 in three parts of 13 bits and a rounded rest: j times a part is exact for |j| <= 2048. scripts/fit-math.py. */
const MINUS_HALF_PI: usize = memory.data<f32>([
  -1.570556640625, -0.0002396702766418457, -1.5890691429376602e-8, -2.56334407e-12,
]);

/** Just under 2048 pi/2. */
const FAST_LIMIT: usize = memory.data<f32>([3216]);

/** (sin(r) - r) / r^3 by z = r^2 on |r| <= pi/4, lowest power first: sin to 2^-32.5. scripts/fit-math.py. */
const SIN_FACTOR: usize = memory.data<f32>([-0.166666672, 0.0083333794, -0.000198530644, 2.83251006e-6]);

/** (cos(r) - 1 + z / 2) / z^2 by z = r^2 on |r| <= pi/4, lowest power first: cos to 2^-33.0. scripts/fit-math.py. */
const COS_FACTOR: usize = memory.data<f32>([0.0416666456, -0.00138873095, 2.44323273e-5]);

const ONE: usize = memory.data<f32>([1]);
const MINUS_HALF: usize = memory.data<f32>([-0.5]);
const SIGN: usize = memory.data<f32>([-0.0]);

/** The integer 1: cos is sin a quarter turn further on. */
const QUARTER_TURN: usize = memory.data<i32>([1]);

/** Shifts that bring the two low bits of a number of quarter turns to the sign's place. */
const LOW_BIT_TO_SIGN: i32 = 31;
const SECOND_BIT_TO_SIGN: i32 = 30;

/** sin(x); NaN at infinity. Greatest error in ulp, all of the fast interval: 2.31. */
// @ts-ignore: decorator
@inline
export function sinLanes(x: v128): v128 {
  if (sizeof<Real>() == 8) {
    return pair(NativeMath.sin(low(x)), NativeMath.sin(high(x)));
  } else {
    const size = f32x4.abs(x);
    const quarters = roundQuarters(size);
    // Of |x|, under the sign of x: so -0 and the subnormals come out as they went in.
    const y = v128.xor(turned(reduced(size, quarters), quarters), v128.and(x, constant(SIGN)));
    const large = f32x4.gt(size, constant(FAST_LIMIT));
    return v128.any_true(large) ? repairSin(x, y, large) : y;
  }
}

/** cos(x); NaN at infinity. Greatest error in ulp, all of the fast interval: 2.32. */
// @ts-ignore: decorator
@inline
export function cosLanes(x: v128): v128 {
  if (sizeof<Real>() == 8) {
    return pair(NativeMath.cos(low(x)), NativeMath.cos(high(x)));
  } else {
    const size = f32x4.abs(x);
    const quarters = roundQuarters(size);
    const y = turned(reduced(size, quarters), i32x4.add(quarters, loadSplat<i32>(QUARTER_TURN)));
    const large = f32x4.gt(size, constant(FAST_LIMIT));
    return v128.any_true(large) ? repairCos(x, y, large) : y;
  }
}

/** The number j of quarter turns nearest to x, plus ROUNDER. */
// @ts-ignore: decorator
@inline
function roundQuarters(x: v128): v128 {
  return madd<f32>(x, constant(TWO_OVER_PI), constant(ROUNDER));
}

// @ts-ignore: decorator
@inline
function reduced(x: v128, quarters: v128): v128 {
  const j = f32x4.sub(quarters, constant(ROUNDER));
  const a = madd<f32>(j, constant(MINUS_HALF_PI, 0), x);
  const b = madd<f32>(j, constant(MINUS_HALF_PI, 1), a);
  const c = madd<f32>(j, constant(MINUS_HALF_PI, 2), b);
  return madd<f32>(j, constant(MINUS_HALF_PI, 3), c);
}

/** sin(r + quarters pi/2): the low bit of `quarters` chooses the polynomial, the next one the sign. */
// @ts-ignore: decorator
@inline
function turned(r: v128, quarters: v128): v128 {
  const z = f32x4.mul(r, r);
  const odd = i32x4.shr_s(i32x4.shl(quarters, LOW_BIT_TO_SIGN), LOW_BIT_TO_SIGN);
  const y = v128.bitselect(cosReduced(z), sinReduced(r, z), odd);
  return v128.xor(y, v128.and(i32x4.shl(quarters, SECOND_BIT_TO_SIGN), constant(SIGN)));
}

// @ts-ignore: decorator
@inline
function sinReduced(r: v128, z: v128): v128 {
  let p = madd<f32>(z, constant(SIN_FACTOR, 3), constant(SIN_FACTOR, 2));
  p = madd<f32>(z, p, constant(SIN_FACTOR, 1));
  p = madd<f32>(z, p, constant(SIN_FACTOR, 0));
  return madd<f32>(f32x4.mul(z, r), p, r);
}

// @ts-ignore: decorator
@inline
function cosReduced(z: v128): v128 {
  let p = madd<f32>(z, constant(COS_FACTOR, 2), constant(COS_FACTOR, 1));
  p = madd<f32>(z, p, constant(COS_FACTOR, 0));
  const half = madd<f32>(z, constant(MINUS_HALF), constant(ONE));
  return madd<f32>(f32x4.mul(z, z), p, half);
}

/** y with the lanes of `large` from NativeMath, rounded: NativeMathf (0.28.20) is wrong on [2^89, 2^90). */
function repairSin(x: v128, y: v128, large: v128): v128 {
  if (i32x4.extract_lane(large, 0)) y = f32x4.replace_lane(y, 0, sinOf(f32x4.extract_lane(x, 0)));
  if (i32x4.extract_lane(large, 1)) y = f32x4.replace_lane(y, 1, sinOf(f32x4.extract_lane(x, 1)));
  if (i32x4.extract_lane(large, 2)) y = f32x4.replace_lane(y, 2, sinOf(f32x4.extract_lane(x, 2)));
  if (i32x4.extract_lane(large, 3)) y = f32x4.replace_lane(y, 3, sinOf(f32x4.extract_lane(x, 3)));
  return y;
}

function repairCos(x: v128, y: v128, large: v128): v128 {
  if (i32x4.extract_lane(large, 0)) y = f32x4.replace_lane(y, 0, cosOf(f32x4.extract_lane(x, 0)));
  if (i32x4.extract_lane(large, 1)) y = f32x4.replace_lane(y, 1, cosOf(f32x4.extract_lane(x, 1)));
  if (i32x4.extract_lane(large, 2)) y = f32x4.replace_lane(y, 2, cosOf(f32x4.extract_lane(x, 2)));
  if (i32x4.extract_lane(large, 3)) y = f32x4.replace_lane(y, 3, cosOf(f32x4.extract_lane(x, 3)));
  return y;
}

// @ts-ignore: decorator
@inline
function sinOf(x: f32): f32 {
  return <f32>NativeMath.sin(<f64>x);
}

// @ts-ignore: decorator
@inline
function cosOf(x: f32): f32 {
  return <f32>NativeMath.cos(<f64>x);
}
