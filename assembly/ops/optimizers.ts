/**
 * Updates over one contiguous block of parameters, PyTorch's formulae. n is a whole number of vectors: a block's
 * padding has gradient 0 and stays 0.
 */
import { Real } from "real";
import { LANES, VECTOR_BYTES, add, at, div, mul, splat, sub } from "../simd";

/** Bytes of an Adam parameter's counters: steps, β1^t, β2^t. */
const ADAM_COUNTERS: usize = 24;

/** One step more for each of some parameters; counters: f64[count]. */
export function countSteps(count: i32, counters: usize): void {
  for (let i = 0; i < count; i++) {
    const steps = at<f64>(counters, i);
    store<f64>(steps, load<f64>(steps) + 1);
  }
}

/**
 * step = g + weightDecay w; velocity = momentum velocity + (1 - dampening) step (step itself at a parameter's first); the step is then
 * the velocity, or step + momentum velocity (Nesterov); w -= lr step. Without momentum velocity is not touched. steps: of these parameters, this one included, f64.
 *
 * @see torch.optim.SGD
 */
export function sgd(
  n: i32,
  lr: f64,
  momentum: f64,
  dampening: f64,
  weightDecay: f64,
  nesterov: bool,
  steps: usize,
  w: usize,
  g: usize,
  velocity: usize,
): void {
  const first = load<f64>(steps) == 1;
  const rate = splat(<Real>lr);
  const decay = splat(<Real>weightDecay);
  const inertia = splat(<Real>momentum);
  const keep = splat(<Real>(first ? 0.0 : momentum));
  const take = splat(<Real>(first ? 1.0 : 1.0 - dampening));
  const bytes = at(0, n);
  for (let i: usize = 0; i < bytes; i += VECTOR_BYTES) {
    const weight = v128.load(w + i);
    let step = add(v128.load(g + i), mul(decay, weight));
    if (momentum != 0) {
      const moved = add(mul(keep, v128.load(velocity + i)), mul(take, step));
      v128.store(velocity + i, moved);
      step = nesterov ? add(step, mul(inertia, moved)) : moved;
    }
    v128.store(w + i, sub(weight, mul(rate, step)));
  }
}

/**
 * square = alpha square + (1 - alpha) g²; centred: mean = alpha mean + (1 - alpha) g, and square - mean² under the root;
 * step = g / (root + eps); velocity = momentum velocity + step; w -= lr velocity (or step, without momentum).
 *
 * @see torch.optim.RMSprop
 */
export function rmsprop(
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
  const rate = splat(<Real>lr);
  const keep = splat(<Real>alpha);
  const take = splat(<Real>(1 - alpha));
  const small = splat(<Real>eps);
  const decay = splat(<Real>weightDecay);
  const inertia = splat(<Real>momentum);
  const bytes = at(0, n);
  for (let i: usize = 0; i < bytes; i += VECTOR_BYTES) {
    const weight = v128.load(w + i);
    const grad = add(v128.load(g + i), mul(decay, weight));
    const square = add(mul(keep, v128.load(squares + i)), mul(take, mul(grad, grad)));
    v128.store(squares + i, square);
    let variance = square;
    if (centered) {
      const mean = add(mul(keep, v128.load(means + i)), mul(take, grad));
      v128.store(means + i, mean);
      variance = sub(square, mul(mean, mean));
    }
    let step = div(grad, add(v128.sqrt<Real>(variance), small));
    if (momentum != 0) {
      step = add(mul(inertia, v128.load(velocity + i)), step);
      v128.store(velocity + i, step);
    }
    v128.store(w + i, sub(weight, mul(rate, step)));
  }
}

/** One step more for each of some parameters; counters: f64[count, 3], steps, β1^t and β2^t as running products. */
export function adamAdvance(count: i32, beta1: f64, beta2: f64, counters: usize): void {
  for (let i = 0; i < count; i++) {
    store<f64>(counters, load<f64>(counters) + 1);
    store<f64>(counters, load<f64>(counters, 8) * beta1, 8);
    store<f64>(counters, load<f64>(counters, 16) * beta2, 16);
    counters += ADAM_COUNTERS;
  }
}

/**
 * Weight decay first: g += weightDecay w (Adam), or w -= lr weightDecay w (AdamW: `decoupled`). Then
 * m = β1 m + (1-β1) g; v = β2 v + (1-β2) g²; w -= lr / (1-β1^t) · m / (sqrt(v / (1-β2^t)) + eps).
 * counters: those of any of these parameters, which all have taken t steps.
 *
 * @see Kingma and Ba 2015, https://arxiv.org/abs/1412.6980; eps where PyTorch adds it
 */
export function adam(
  n: i32,
  lr: f64,
  beta1: f64,
  beta2: f64,
  eps: f64,
  weightDecay: f64,
  decoupled: bool,
  counters: usize,
  w: usize,
  g: usize,
  m: usize,
  v: usize,
): void {
  const rate = splat(<Real>(lr / (1 - load<f64>(counters, 8))));
  const root = splat(<Real>sqrt<f64>(1 - load<f64>(counters, 16)));
  const small = splat(<Real>eps);
  const keep1 = splat(<Real>beta1);
  const take1 = splat(<Real>(1 - beta1));
  const keep2 = splat(<Real>beta2);
  const take2 = splat(<Real>(1 - beta2));
  const decay = splat(<Real>(decoupled ? 0.0 : weightDecay));
  const shrink = splat(<Real>(decoupled ? 1 - lr * weightDecay : 1.0));
  const bytes = at(0, n);
  for (let i: usize = 0; i < bytes; i += VECTOR_BYTES) {
    const weight = mul(shrink, v128.load(w + i));
    const grad = add(v128.load(g + i), mul(decay, weight));
    const mean = add(mul(keep1, v128.load(m + i)), mul(take1, grad));
    const square = add(mul(keep2, v128.load(v + i)), mul(take2, mul(grad, grad)));
    v128.store(m + i, mean);
    v128.store(v + i, square);
    const spread = add(div(v128.sqrt<Real>(square), root), small);
    v128.store(w + i, sub(weight, mul(rate, div(mean, spread))));
  }
}

/** Σ x², accumulated in float64 lane by lane. */
export function sumSquares(n: i32, x: usize): f64 {
  let sum = f64x2.splat(0);
  for (let i = 0; i < n; i += LANES) {
    const part = v128.load(at(x, i));
    if (sizeof<Real>() == 8) {
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
export function scaleBlock(n: i32, factor: f64, x: usize): void {
  const factors = splat(<Real>factor);
  for (let i = 0; i < n; i += LANES) v128.store(at(x, i), mul(v128.load(at(x, i)), factors));
}

/** x = max(-bound, min(bound, x)); NaN stays NaN. */
export function clampBlock(n: i32, bound: f64, x: usize): void {
  const high = splat(<Real>bound);
  const low = splat(<Real>-bound);
  for (let i = 0; i < n; i += LANES) {
    const value = v128.load(at(x, i));
    v128.store(at(x, i), v128.pmax<Real>(v128.pmin<Real>(value, high), low));
  }
}

/** average = keep average + (1 - keep) x. */
export function averageInto(n: i32, keep: f64, x: usize, average: usize): void {
  const old = splat(<Real>keep);
  const fresh = splat(<Real>(1 - keep));
  for (let i = 0; i < n; i += LANES) {
    const sum = add(mul(old, v128.load(at(average, i))), mul(fresh, v128.load(at(x, i))));
    v128.store(at(average, i), sum);
  }
}
