/** Masks that multiply into one. */
import { Real } from "real";
import { at } from "../simd";

/**
 * mask[i, j, k] *= w[i, j, k]; where the mask is 0, w is not read. mask: Real[a, b, c]; w has strides of its own, in elements: 0 where it is the
 * same along an axis. Returns the position in w of the first weight that is negative or not finite, or -1.
 */
export function weighMask(
  a: i32,
  b: i32,
  c: i32,
  aStride: i32,
  bStride: i32,
  cStride: i32,
  w: usize,
  mask: usize,
): i32 {
  for (let i = 0; i < a; i++) {
    for (let j = 0; j < b; j++) {
      for (let k = 0; k < c; k++, mask += sizeof<Real>()) {
        const m = load<Real>(mask);
        if (m == 0) continue;
        const position = i * aStride + j * bStride + k * cStride;
        const weight = load<Real>(at(w, position));
        if (!(weight >= 0 && weight < Infinity)) return position;
        store<Real>(mask, m * weight);
      }
    }
  }
  return -1;
}

/** mask[i] = 1 for i in [0, n). */
export function openMask(n: i32, mask: usize): void {
  for (let i = 0; i < n; i++) store<Real>(at(mask, i), 1);
}
