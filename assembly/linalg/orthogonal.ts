/** Orthonormal vectors from random ones. */
import { Real } from "real";
import { at } from "../simd";

/**
 * Gram and Schmidt, each vector twice: `count` vectors of `length` elements become orthonormal, then are scaled by `gain`. Of
 * independent normal vectors the result is Haar distributed, since each keeps a positive share of itself.
 * Strides in elements; count <= length. Sums accumulate in float64.
 *
 * @see Mezzadri 2007, https://arxiv.org/abs/math-ph/0609050; Giraud et al. 2005 (twice is enough)
 */
export function orthonormalise(
  count: i32,
  length: i32,
  vectorStride: i32,
  elementStride: i32,
  gain: f64,
  x: usize,
): void {
  for (let i = 0; i < count; i++) {
    const own = at(x, i * vectorStride);
    for (let pass = 0; pass < 2; pass++) {
      for (let j = 0; j < i; j++) {
        const other = at(x, j * vectorStride);
        subtract(length, elementStride, dot(length, elementStride, own, other), other, own);
      }
      scale(length, elementStride, 1 / sqrt<f64>(dot(length, elementStride, own, own)), own);
    }
  }
  if (gain == 1) return;
  for (let i = 0; i < count; i++) scale(length, elementStride, gain, at(x, i * vectorStride));
}

/**
 * The same of `count` vectors of `length` elements, one after the other; logs[i] += log of what was left of vector i once its share
 * of the earlier ones was taken: the diagonal of R in a QR decomposition. logs: f64[count].
 */
export function orthonormaliseLogs(count: i32, length: i32, x: usize, logs: usize): void {
  for (let i = 0; i < count; i++) {
    const own = at(x, i * length);
    for (let pass = 0; pass < 2; pass++) {
      for (let j = 0; j < i; j++) {
        const other = at(x, j * length);
        subtract(length, 1, dot(length, 1, own, other), other, own);
      }
    }
    const norm = sqrt<f64>(dot(length, 1, own, own));
    store<f64>(at<f64>(logs, i), load<f64>(at<f64>(logs, i)) + NativeMath.log(norm));
    if (norm > 0) scale(length, 1, 1 / norm, own);
  }
}

function dot(n: i32, stride: i32, a: usize, b: usize): f64 {
  let sum: f64 = 0;
  for (let i = 0; i < n; i++) sum += <f64>load<Real>(at(a, i * stride)) * <f64>load<Real>(at(b, i * stride));
  return sum;
}

/** y -= factor x. */
function subtract(n: i32, stride: i32, factor: f64, x: usize, y: usize): void {
  for (let i = 0; i < n; i++) {
    const place = at(y, i * stride);
    store<Real>(place, <Real>(<f64>load<Real>(place) - factor * <f64>load<Real>(at(x, i * stride))));
  }
}

function scale(n: i32, stride: i32, factor: f64, x: usize): void {
  for (let i = 0; i < n; i++) {
    const place = at(x, i * stride);
    store<Real>(place, <Real>(<f64>load<Real>(place) * factor));
  }
}
