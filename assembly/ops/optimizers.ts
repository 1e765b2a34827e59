/**
 * Updates over one contiguous block of parameters, PyTorch's formulae. n is a whole number of vectors: a block's
 * padding has gradient 0 and stays 0.
 */
import { VECTOR_BYTES, at, lanes } from "../simd";

/** velocity = momentum velocity + g (g itself at the first step); w -= lr velocity. Without momentum velocity is not touched. */
export function sgd<T>(n: i32, lr: f64, momentum: f64, first: bool, w: usize, g: usize, velocity: usize): void {
  const rate = v128.splat<T>(<T>lr);
  const keep = v128.splat<T>(<T>(first ? 0.0 : momentum));
  const bytes = at<T>(0, n);
  for (let i: usize = 0; i < bytes; i += VECTOR_BYTES) {
    let step = v128.load(g + i);
    if (momentum != 0) {
      step = v128.add<T>(v128.mul<T>(keep, v128.load(velocity + i)), step);
      v128.store(velocity + i, step);
    }
    v128.store(w + i, v128.sub<T>(v128.load(w + i), v128.mul<T>(rate, step)));
  }
}

/** Running products of an Adam optimiser, float64: steps taken, β1^t, β2^t. Called once per step, before the blocks. */
export function adamAdvance(products: usize, beta1: f64, beta2: f64): void {
  store<f64>(products, load<f64>(products) + 1);
  store<f64>(products, load<f64>(products, 8) * beta1, 8);
  store<f64>(products, load<f64>(products, 16) * beta2, 16);
}

/**
 * m = β1 m + (1-β1) g; v = β2 v + (1-β2) g²; w -= lr / (1-β1^t) · m / (sqrt(v / (1-β2^t)) + eps).
 *
 * @see Kingma and Ba 2015, https://arxiv.org/abs/1412.6980; eps where PyTorch adds it
 */
export function adam<T>(
  n: i32,
  lr: f64,
  beta1: f64,
  beta2: f64,
  eps: f64,
  products: usize,
  w: usize,
  g: usize,
  m: usize,
  v: usize,
): void {
  const rate = v128.splat<T>(<T>(lr / (1 - load<f64>(products, 8))));
  const root = v128.splat<T>(<T>sqrt<f64>(1 - load<f64>(products, 16)));
  const small = v128.splat<T>(<T>eps);
  const keep1 = v128.splat<T>(<T>beta1);
  const take1 = v128.splat<T>(<T>(1 - beta1));
  const keep2 = v128.splat<T>(<T>beta2);
  const take2 = v128.splat<T>(<T>(1 - beta2));
  const bytes = at<T>(0, n);
  for (let i: usize = 0; i < bytes; i += VECTOR_BYTES) {
    const grad = v128.load(g + i);
    const mean = v128.add<T>(v128.mul<T>(keep1, v128.load(m + i)), v128.mul<T>(take1, grad));
    const square = v128.add<T>(v128.mul<T>(keep2, v128.load(v + i)), v128.mul<T>(take2, v128.mul<T>(grad, grad)));
    v128.store(m + i, mean);
    v128.store(v + i, square);
    const spread = v128.add<T>(v128.div<T>(v128.sqrt<T>(square), root), small);
    v128.store(w + i, v128.sub<T>(v128.load(w + i), v128.mul<T>(rate, v128.div<T>(mean, spread))));
  }
}

/** Σ x², accumulated in float64 lane by lane. */
export function sumSquares<T>(n: i32, x: usize): f64 {
  let sum = f64x2.splat(0);
  for (let i = 0; i < n; i += lanes<T>()) {
    const part = v128.load(at<T>(x, i));
    if (sizeof<T>() == 8) {
      sum = f64x2.add(sum, f64x2.mul(part, part));
    } else {
      const low = f64x2.promote_low_f32x4(part);
      const high = f64x2.promote_low_f32x4(v128.shuffle<f64>(part, part, 1, 0));
      sum = f64x2.add(sum, f64x2.add(f64x2.mul(low, low), f64x2.mul(high, high)));
    }
  }
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}

/** x *= factor. */
export function scaleBlock<T>(n: i32, factor: f64, x: usize): void {
  const splat = v128.splat<T>(<T>factor);
  for (let i = 0; i < n; i += lanes<T>()) v128.store(at<T>(x, i), v128.mul<T>(v128.load(at<T>(x, i)), splat));
}

/** x = max(-bound, min(bound, x)); NaN stays NaN. */
export function clampBlock<T>(n: i32, bound: f64, x: usize): void {
  const high = v128.splat<T>(<T>bound);
  const low = v128.splat<T>(<T>-bound);
  for (let i = 0; i < n; i += lanes<T>()) {
    const value = v128.load(at<T>(x, i));
    v128.store(at<T>(x, i), v128.pmax<T>(v128.pmin<T>(value, high), low));
  }
}
