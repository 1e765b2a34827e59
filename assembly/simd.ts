/**
 * What every kernel shares: how many elements a vector holds, how an element index becomes a byte address,
 * and the one place that chooses between a rounded multiply-then-add and a fused one.
 *
 * Pointers are bytes; sizes and strides are elements; only `at` converts.
 */

/** Bytes in a SIMD vector. */
export const VECTOR_BYTES: i32 = 16;

/** Elements of T in a vector: 4 for f32, 2 for f64. */
// @ts-ignore: decorator
@inline
export function lanes<T>(): i32 {
  return VECTOR_BYTES / sizeof<T>();
}

/** The address of element `index` of an array of T. */
// @ts-ignore: decorator
@inline
export function at<T>(base: usize, index: i32): usize {
  return base + ((<usize>index) << alignof<T>());
}

/** `count` elements rounded up to whole vectors. */
// @ts-ignore: decorator
@inline
export function wholeVectors<T>(count: i32): i32 {
  return (count + lanes<T>() - 1) & ~(lanes<T>() - 1);
}

/** One element of T at `base`, in every lane. */
// @ts-ignore: decorator
@inline
export function loadSplat<T>(base: usize, immOffset: usize = 0): v128 {
  return sizeof<T>() == 4 ? v128.load32_splat(base + immOffset) : v128.load64_splat(base + immOffset);
}

/**
 * a * b + c in every lane: two roundings in the strict variants, in `relaxed` one where the processor fuses.
 * Nothing else in the core chooses between the two.
 */
// @ts-ignore: decorator
@inline
export function madd<T>(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) {
    return v128.relaxed_madd<T>(a, b, c);
  } else {
    return v128.add<T>(v128.mul<T>(a, b), c);
  }
}
