/**
 * Updates over one contiguous block of parameters, PyTorch's formulae. n is a whole number of vectors: a block's
 * padding has gradient 0 and stays 0.
 *
 * Moments stay finite whatever finite gradients come, and are never subnormal: what is below the smallest normal number (2^-126 in
 * float32, 2^-1022 in float64) becomes 0. In means and mean squares, m = β m + (1-β) g and v = β v + ((1-β) g) g,
 * - a gradient whose share (1-β) g, or of the square (1-β) g², would be subnormal counts as 0 there (|g| < 3.4e-18 in a square, for float32
 *   and β = 0.999); so that nothing is divided by a root of such a 0, eps is at least that |g|;
 * - beyond sqrt(greatest / (1-β)) (5.8e20) a gradient counts as that, and v is at most the greatest number: updates remain below
 *   lr / sqrt(1-β), whatever gradients come;
 * - infinite gradients become NaN.
 */
import { Real } from "real";
import { LANES, VECTOR_BYTES, add, at, div, mul, splat, sub } from "../simd";

/** Smallest normal number: arithmetic on smaller ones takes many times as long, so moments below it are 0. */
const SMALLEST: Real = <Real>(sizeof<Real>() == 4 ? <f64>f32.MIN_NORMAL_VALUE : f64.MIN_NORMAL_VALUE);
const GREATEST: Real = <Real>(sizeof<Real>() == 4 ? <f64>f32.MAX_VALUE : f64.MAX_VALUE);

/**
 * Vectors that a loop loads anew each time. As locals they are more than there are registers, and as literals V8 builds them where they
 * stand: either takes twice the time of the whole update.
 */
const LIMITS: usize = memory.data(10 * VECTOR_BYTES, VECTOR_BYTES);
const TINY: usize = LIMITS; // the smallest normal number: moments below it become 0
const FAINT: usize = LIMITS + VECTOR_BYTES; // gradients below it do, whose share of a moment is subnormal
const LOW: usize = LIMITS + 2 * VECTOR_BYTES; // in a mean square: gradients below it count as 0
const HIGH: usize = LIMITS + 3 * VECTOR_BYTES; // gradients beyond it, whose squares overflow, take a way of their own
const BOUND: usize = LIMITS + 4 * VECTOR_BYTES; // and are at most this
const MOST: usize = LIMITS + 5 * VECTOR_BYTES; // the greatest number
const EPS: usize = LIMITS + 6 * VECTOR_BYTES;
const DECAY: usize = LIMITS + 7 * VECTOR_BYTES;
const SHRINK: usize = LIMITS + 8 * VECTOR_BYTES;
const ROOT: usize = LIMITS + 9 * VECTOR_BYTES; // the root of the smallest normal number

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
  v128.store(TINY, splat(SMALLEST));
  const bytes = at(0, n);
  for (let i: usize = 0; i < bytes; i += VECTOR_BYTES) {
    const weight = v128.load(w + i);
    let step = add(v128.load(g + i), mul(decay, weight));
    if (momentum != 0) {
      const moved = normal(add(mul(keep, v128.load(velocity + i)), mul(take, step)), TINY);
      v128.store(velocity + i, moved);
      step = nesterov ? add(step, mul(inertia, moved)) : moved;
    }
    v128.store(w + i, sub(weight, mul(rate, step)));
  }
}

/**
 * square = alpha square + (1 - alpha) g²; centred: mean = alpha mean + (1 - alpha) g, and square - mean² under the root (0
 * where rounding leaves less);
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
  setLimits(1 - alpha, 1 - alpha, eps);
  v128.store(DECAY, splat(<Real>weightDecay));
  const inertia = splat(<Real>momentum);
  const bytes = at(0, n);
  for (let i: usize = 0; i < bytes; i += VECTOR_BYTES) {
    const weight = v128.load(w + i);
    let grad = add(normal(v128.load(g + i), FAINT), mul(v128.load(DECAY), weight));
    const size = v128.abs<Real>(grad);
    if (v128.any_true(v128.gt<Real>(size, v128.load(HIGH)))) grad = bounded(grad);
    const square = meanSquare(
      keep,
      v128.load(squares + i),
      take,
      v128.andnot(grad, v128.lt<Real>(size, v128.load(LOW))),
    );
    v128.store(squares + i, square);
    let variance = square;
    if (centered) {
      const mean = normal(add(mul(keep, v128.load(means + i)), mul(take, grad)), TINY);
      v128.store(means + i, mean);
      const large = normal(mean, ROOT);
      variance = v128.pmax<Real>(sub(square, mul(large, large)), splat(0));
    }
    let step = div(grad, add(v128.sqrt<Real>(variance), v128.load(EPS)));
    if (momentum != 0) {
      step = normal(add(mul(inertia, v128.load(velocity + i)), step), TINY);
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
  setLimits(1 - beta1, 1 - beta2, eps);
  const keep1 = splat(<Real>beta1);
  const take1 = splat(<Real>(1 - beta1));
  const keep2 = splat(<Real>beta2);
  const take2 = splat(<Real>(1 - beta2));
  v128.store(DECAY, splat(<Real>(decoupled ? 0.0 : weightDecay)));
  v128.store(SHRINK, splat(<Real>(decoupled ? 1 - lr * weightDecay : 1.0)));
  const bytes = at(0, n);
  for (let i: usize = 0; i < bytes; i += VECTOR_BYTES) {
    const weight = mul(v128.load(SHRINK), v128.load(w + i));
    let grad = add(normal(v128.load(g + i), FAINT), mul(v128.load(DECAY), weight));
    const size = v128.abs<Real>(grad);
    if (v128.any_true(v128.gt<Real>(size, v128.load(HIGH)))) grad = bounded(grad);
    const mean = normal(add(mul(keep1, v128.load(m + i)), mul(take1, grad)), TINY);
    const square = meanSquare(keep2, v128.load(v + i), take2, v128.andnot(grad, v128.lt<Real>(size, v128.load(LOW))));
    v128.store(m + i, mean);
    v128.store(v + i, square);
    const spread = add(div(v128.sqrt<Real>(square), root), v128.load(EPS));
    v128.store(w + i, sub(weight, mul(rate, div(mean, spread))));
  }
}

/** What the loops of mean squares load: `take` of a gradient enters its mean, `takeSquare` of its square the mean square. */
function setLimits(take: f64, takeSquare: f64, eps: f64): void {
  // where nothing enters, as if all did
  if (take == 0) take = 1;
  if (takeSquare == 0) takeSquare = 1;
  const low = sqrt<f64>(<f64>SMALLEST / takeSquare);
  const most = <f64>GREATEST;
  v128.store(TINY, splat(SMALLEST));
  v128.store(FAINT, splat(<Real>(<f64>SMALLEST / take)));
  v128.store(LOW, splat(<Real>low));
  v128.store(HIGH, splat(<Real>sqrt<f64>(most)));
  v128.store(BOUND, splat(<Real>min<f64>(sqrt<f64>(most) / sqrt<f64>(takeSquare), most)));
  v128.store(MOST, splat(GREATEST));
  v128.store(ROOT, splat(<Real>sqrt<f64>(<f64>SMALLEST)));
  v128.store(EPS, splat(<Real>max<f64>(eps, low)));
}

/** The next mean square, at most the greatest number: keep square + (take g) g. */
// @ts-ignore: decorator
@inline
function meanSquare(keep: v128, square: v128, take: v128, g: v128): v128 {
  const sum = add(mul(keep, square), mul(mul(take, g), g));
  return v128.andnot(v128.pmin<Real>(sum, v128.load(MOST)), v128.lt<Real>(sum, v128.load(TINY)));
}

/** x, but 0 where it is smaller than what `limit` points at; NaN stays NaN. */
// @ts-ignore: decorator
@inline
function normal(x: v128, limit: usize): v128 {
  return v128.andnot(x, v128.lt<Real>(v128.abs<Real>(x), v128.load(limit)));
}

/** x within the bounds of what is squared; NaN where it is not finite: x - x is 0 elsewhere. */
// @ts-ignore: decorator
@inline
function bounded(x: v128): v128 {
  const bound = v128.load(BOUND);
  return add(v128.pmax<Real>(v128.pmin<Real>(x, bound), v128.neg<Real>(bound)), sub(x, x));
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

/** Σ (x / by)²: of numbers whose squares leave the range of float64. */
export function sumScaledSquares(n: i32, by: f64, x: usize): f64 {
  let sum: f64 = 0;
  for (let i = 0; i < n; i++) {
    const part = <f64>load<Real>(at(x, i)) / by;
    sum += part * part;
  }
  return sum;
}

/** max |x|; NaN counts for nothing. */
export function greatestOf(n: i32, x: usize): f64 {
  let greatest: f64 = 0;
  for (let i = 0; i < n; i++) {
    const size = abs<f64>(<f64>load<Real>(at(x, i)));
    if (size > greatest) greatest = size;
  }
  return greatest;
}

/** Brings a subnormal factor back into range: 2^-126 to 2^-149 in float32. */
const LIFT: f64 = 1.8446744073709552e19; // 2^64

/** x *= factor, >= 0; in two steps where the factor has lost digits to being subnormal. */
export function scaleBlock(n: i32, factor: f64, x: usize): void {
  if (factor > 0 && factor < <f64>SMALLEST) {
    scaleBlock(n, factor * LIFT, x);
    factor = 1 / LIFT;
  }
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
