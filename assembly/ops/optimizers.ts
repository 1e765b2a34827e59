/**
 * Updates over one contiguous block of parameters, PyTorch's formulae. n is a whole number of vectors: a block's
 * padding has gradient 0 and stays 0.
 */
import { VECTOR_BYTES, at, lanes } from "../simd";

/**
 * step = g + weightDecay w; velocity = momentum velocity + (1 - dampening) step (step itself at the first); the step is then
 * the velocity, or step + momentum velocity (Nesterov); w -= lr step. Without momentum velocity is not touched.
 *
 * @see torch.optim.SGD
 */
export function sgd<T>(
  n: i32,
  lr: f64,
  momentum: f64,
  dampening: f64,
  weightDecay: f64,
  nesterov: bool,
  first: bool,
  w: usize,
  g: usize,
  velocity: usize,
): void {
  const rate = v128.splat<T>(<T>lr);
  const decay = v128.splat<T>(<T>weightDecay);
  const inertia = v128.splat<T>(<T>momentum);
  const keep = v128.splat<T>(<T>(first ? 0.0 : momentum));
  const take = v128.splat<T>(<T>(first ? 1.0 : 1.0 - dampening));
  const bytes = at<T>(0, n);
  for (let i: usize = 0; i < bytes; i += VECTOR_BYTES) {
    const weight = v128.load(w + i);
    let step = v128.add<T>(v128.load(g + i), v128.mul<T>(decay, weight));
    if (momentum != 0) {
      const moved = v128.add<T>(v128.mul<T>(keep, v128.load(velocity + i)), v128.mul<T>(take, step));
      v128.store(velocity + i, moved);
      step = nesterov ? v128.add<T>(step, v128.mul<T>(inertia, moved)) : moved;
    }
    v128.store(w + i, v128.sub<T>(weight, v128.mul<T>(rate, step)));
  }
}

/**
 * square = alpha square + (1 - alpha) g²; centred: mean = alpha mean + (1 - alpha) g, and square - mean² under the root;
 * step = g / (root + eps); velocity = momentum velocity + step; w -= lr velocity (or step, without momentum).
 *
 * @see torch.optim.RMSprop
 */
export function rmsprop<T>(
  n: i32,
  lr: f64,
  alpha: f64,
  eps: f64,
  weightDecay: f64,
  momentum: f64,
  centered: bool,
  w: usize,
  g: usize,
  squares: usize,
  velocity: usize,
  means: usize,
): void {
  const rate = v128.splat<T>(<T>lr);
  const keep = v128.splat<T>(<T>alpha);
  const take = v128.splat<T>(<T>(1 - alpha));
  const small = v128.splat<T>(<T>eps);
  const decay = v128.splat<T>(<T>weightDecay);
  const inertia = v128.splat<T>(<T>momentum);
  const bytes = at<T>(0, n);
  for (let i: usize = 0; i < bytes; i += VECTOR_BYTES) {
    const weight = v128.load(w + i);
    const grad = v128.add<T>(v128.load(g + i), v128.mul<T>(decay, weight));
    const square = v128.add<T>(v128.mul<T>(keep, v128.load(squares + i)), v128.mul<T>(take, v128.mul<T>(grad, grad)));
    v128.store(squares + i, square);
    let variance = square;
    if (centered) {
      const mean = v128.add<T>(v128.mul<T>(keep, v128.load(means + i)), v128.mul<T>(take, grad));
      v128.store(means + i, mean);
      variance = v128.sub<T>(square, v128.mul<T>(mean, mean));
    }
    let step = v128.div<T>(grad, v128.add<T>(v128.sqrt<T>(variance), small));
    if (momentum != 0) {
      step = v128.add<T>(v128.mul<T>(inertia, v128.load(velocity + i)), step);
      v128.store(velocity + i, step);
    }
    v128.store(w + i, v128.sub<T>(weight, v128.mul<T>(rate, step)));
  }
}

/** Running products of an Adam optimiser, float64: steps taken, β1^t, β2^t. Called once per step, before the blocks. */
export function adamAdvance(products: usize, beta1: f64, beta2: f64): void {
  store<f64>(products, load<f64>(products) + 1);
  store<f64>(products, load<f64>(products, 8) * beta1, 8);
  store<f64>(products, load<f64>(products, 16) * beta2, 16);
}

/**
 * Weight decay first: g += weightDecay w (Adam), or w -= lr weightDecay w (AdamW: `decoupled`). Then
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
  weightDecay: f64,
  decoupled: bool,
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
  const decay = v128.splat<T>(<T>(decoupled ? 0.0 : weightDecay));
  const shrink = v128.splat<T>(<T>(decoupled ? 1 - lr * weightDecay : 1.0));
  const bytes = at<T>(0, n);
  for (let i: usize = 0; i < bytes; i += VECTOR_BYTES) {
    const weight = v128.mul<T>(shrink, v128.load(w + i));
    const grad = v128.add<T>(v128.load(g + i), v128.mul<T>(decay, weight));
    const mean = v128.add<T>(v128.mul<T>(keep1, v128.load(m + i)), v128.mul<T>(take1, grad));
    const square = v128.add<T>(v128.mul<T>(keep2, v128.load(v + i)), v128.mul<T>(take2, v128.mul<T>(grad, grad)));
    v128.store(m + i, mean);
    v128.store(v + i, square);
    const spread = v128.add<T>(v128.div<T>(v128.sqrt<T>(square), root), small);
    v128.store(w + i, v128.sub<T>(weight, v128.mul<T>(rate, v128.div<T>(mean, spread))));
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

/** average = keep average + (1 - keep) x. */
export function averageInto<T>(n: i32, keep: f64, x: usize, average: usize): void {
  const old = v128.splat<T>(<T>keep);
  const fresh = v128.splat<T>(<T>(1 - keep));
  for (let i = 0; i < n; i += lanes<T>()) {
    const sum = v128.add<T>(v128.mul<T>(old, v128.load(at<T>(average, i))), v128.mul<T>(fresh, v128.load(at<T>(x, i))));
    v128.store(at<T>(average, i), sum);
  }
}
