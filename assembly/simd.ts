/**
 * What every kernel shares: how many elements a vector holds, how an element index becomes a byte address,
 * and the one place that chooses between a rounded multiply-then-add and a fused one.
 *
 * Pointers are bytes; sizes and strides are elements; only `at` converts.
 */

import { Real } from "real";

/** Bytes in a SIMD vector. */
export const VECTOR_BYTES: i32 = 16;

/** Elements in a vector: 4 for float32, 2 for float64. */
export const LANES: i32 = VECTOR_BYTES / sizeof<Real>();

/** The address of element `index` of an array; of T where that is not Real. */
// @ts-ignore: decorator
@inline
export function at<T = Real>(base: usize, index: i32): usize {
  return base + ((<usize>index) << alignof<T>());
}

/** Record `index` of a table of them, one after the other. */
// @ts-ignore: decorator
@inline
export function recordAt<T>(table: usize, index: i32): T {
  return changetype<T>(table + <usize>index * offsetof<T>());
}

/** `count` elements rounded up to whole vectors. */
// @ts-ignore: decorator
@inline
export function wholeVectors<T = Real>(count: i32): i32 {
  const lanes: i32 = VECTOR_BYTES / sizeof<T>();
  return (count + lanes - 1) & ~(lanes - 1);
}

/** The element at `base`, in every lane. */
// @ts-ignore: decorator
@inline
export function loadSplat<T = Real>(base: usize, immOffset: usize = 0): v128 {
  return sizeof<T>() == 4 ? v128.load32_splat(base + immOffset) : v128.load64_splat(base + immOffset);
}

/** `x` in every lane. */
// @ts-ignore: decorator
@inline
export function splat(x: Real): v128 {
  return v128.splat<Real>(x);
}

// @ts-ignore: decorator
@inline
export function add(a: v128, b: v128): v128 {
  return v128.add<Real>(a, b);
}

// @ts-ignore: decorator
@inline
export function sub(a: v128, b: v128): v128 {
  return v128.sub<Real>(a, b);
}

// @ts-ignore: decorator
@inline
export function mul(a: v128, b: v128): v128 {
  return v128.mul<Real>(a, b);
}

// @ts-ignore: decorator
@inline
export function div(a: v128, b: v128): v128 {
  return v128.div<Real>(a, b);
}

/**
 * a * b + c in every lane: two roundings in the strict variants, in `relaxed` one where the processor fuses.
 * Nothing else in the core chooses between the two.
 */
// @ts-ignore: decorator
@inline
export function madd<T = Real>(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) {
    return v128.relaxed_madd<T>(a, b, c);
  } else {
    return v128.add<T>(v128.mul<T>(a, b), c);
  }
}
