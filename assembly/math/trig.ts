/**
 * sin and cos. In float32 x = j pi/2 + r with |r| <= pi/4, by a polynomial for each; beyond FAST_LIMIT, where j
 * parts of pi/2 are no longer exact, lane by lane in float64.
 */
import { loadSplat, madd } from "../simd";
import { high, low, pair } from "./pair";

/** 1.5 * 2^23: added to a float32 below 2^22 in size, it leaves the nearest integer in the low bits of the sum. */
const ROUNDER: f32 = 12582912;
const TWO_OVER_PI: f32 = 0.6366197723675814;

/** pi/2 in parts of 13 bits and a rounded rest: j * part is exact for |j| <= 2048. scripts/fit-math.py. */
const PI_2_A: f32 = 1.570556640625;
const PI_2_B: f32 = 0.0002396702766418457;
const PI_2_C: f32 = 1.5890691429376602e-8;
const PI_2_D: f32 = 2.56334407e-12;

/** Just under 2048 pi/2. */
const FAST_LIMIT: f32 = 3216;

/** (sin(r) - r) / r^3 by r^2 on |r| <= pi/4, degree 3: sin to 2^-32.5. scripts/fit-math.py. */
const S0: f32 = -0.166666672;
const S1: f32 = 0.0083333794;
const S2: f32 = -0.000198530644;
const S3: f32 = 2.83251006e-6;

/** (cos(r) - 1 + r^2 / 2) / r^4 by r^2 on |r| <= pi/4, degree 2: cos to 2^-33.0. scripts/fit-math.py. */
const C0: f32 = 0.0416666456;
const C1: f32 = -0.00138873095;
const C2: f32 = 2.44323273e-5;

const TABLE: usize = memory.data<f32>([
  TWO_OVER_PI, ROUNDER, -PI_2_A, -PI_2_B, -PI_2_C, -PI_2_D,
  S0, S1, S2, S3, C0, C1, C2, 1, -0.5, FAST_LIMIT, -0.0,
]); // prettier-ignore

/** 1 in every lane, as integers. */
const INTEGER_ONE: usize = memory.data<i32>([1]);
const SIGN: usize = TABLE + 64;

/** sin(x); NaN at infinity. */
// @ts-ignore: decorator
@inline
export function sinLanes<T>(x: v128): v128 {
  if (sizeof<T>() == 8) {
    return pair(NativeMath.sin(low(x)), NativeMath.sin(high(x)));
  } else {
    const size = f32x4.abs(x);
    const quarters = roundQuarters(size);
    // Of |x|, under the sign of x: so -0 and the subnormals come out as they went in.
    const y = v128.xor(turned(reduced(size, quarters), quarters), v128.and(x, loadSplat<f32>(SIGN)));
    const large = f32x4.gt(size, loadSplat<f32>(TABLE + 60));
    return v128.any_true(large) ? repairSin(x, y, large) : y;
  }
}

/** cos(x); NaN at infinity. */
// @ts-ignore: decorator
@inline
export function cosLanes<T>(x: v128): v128 {
  if (sizeof<T>() == 8) {
    return pair(NativeMath.cos(low(x)), NativeMath.cos(high(x)));
  } else {
    const size = f32x4.abs(x);
    const quarters = roundQuarters(size);
    const y = turned(reduced(size, quarters), i32x4.add(quarters, loadSplat<i32>(INTEGER_ONE)));
    const large = f32x4.gt(size, loadSplat<f32>(TABLE + 60));
    return v128.any_true(large) ? repairCos(x, y, large) : y;
  }
}

/** The number j of quarter turns nearest to x, plus ROUNDER. */
// @ts-ignore: decorator
@inline
function roundQuarters(x: v128): v128 {
  return madd<f32>(x, loadSplat<f32>(TABLE), loadSplat<f32>(TABLE + 4));
}

// @ts-ignore: decorator
@inline
function reduced(x: v128, quarters: v128): v128 {
  const j = f32x4.sub(quarters, loadSplat<f32>(TABLE + 4));
  const a = madd<f32>(j, loadSplat<f32>(TABLE + 8), x);
  const b = madd<f32>(j, loadSplat<f32>(TABLE + 12), a);
  const c = madd<f32>(j, loadSplat<f32>(TABLE + 16), b);
  return madd<f32>(j, loadSplat<f32>(TABLE + 20), c);
}

/** sin(r + quarters pi/2): the low bit of `quarters` chooses the polynomial, the next one the sign. */
// @ts-ignore: decorator
@inline
function turned(r: v128, quarters: v128): v128 {
  const z = f32x4.mul(r, r);
  const odd = i32x4.shr_s(i32x4.shl(quarters, 31), 31);
  const y = v128.bitselect(cosReduced(z), sinReduced(r, z), odd);
  return v128.xor(y, v128.and(i32x4.shl(quarters, 30), loadSplat<f32>(SIGN)));
}

// @ts-ignore: decorator
@inline
function sinReduced(r: v128, z: v128): v128 {
  let p = madd<f32>(z, loadSplat<f32>(TABLE + 36), loadSplat<f32>(TABLE + 32));
  p = madd<f32>(z, p, loadSplat<f32>(TABLE + 28));
  p = madd<f32>(z, p, loadSplat<f32>(TABLE + 24));
  return madd<f32>(f32x4.mul(z, r), p, r);
}

// @ts-ignore: decorator
@inline
function cosReduced(z: v128): v128 {
  let p = madd<f32>(z, loadSplat<f32>(TABLE + 48), loadSplat<f32>(TABLE + 44));
  p = madd<f32>(z, p, loadSplat<f32>(TABLE + 40));
  const half = madd<f32>(z, loadSplat<f32>(TABLE + 56), loadSplat<f32>(TABLE + 52));
  return madd<f32>(f32x4.mul(z, z), p, half);
}

/** y with the lanes of `large` computed by NativeMath; the float32 one is wrong on [2^89, 2^90). */
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
