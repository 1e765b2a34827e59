/** Losses with their gradients. Values accumulate in float64. A mask holds weights >= 0; what has the weight 0 is never read. */
import { Real } from "real";
import { at } from "../simd";
import { logSumExp, normaliseRow, rowMaximum } from "./softmax";

/** Σ of the mask's weights, `groups` of them; all are 1 without a mask. */
export function maskTotal(groups: i32, mask: usize): f64 {
  if (!mask) return <f64>groups;
  let total: f64 = 0;
  for (let i = 0; i < groups; i++) total += <f64>load<Real>(at(mask, i));
  return total;
}

/** The position of the first weight that is negative or not finite, or `groups`. */
export function firstBadWeight(groups: i32, mask: usize): i32 {
  for (let i = 0; i < groups; i++) {
    const weight = load<Real>(at(mask, i));
    if (!(weight >= 0 && weight < Infinity)) return i;
  }
  return groups;
}

// @ts-ignore: decorator
@inline
export function weightOf(mask: usize, group: i32): f64 {
  return mask ? <f64>load<Real>(at(mask, group)) : 1;
}

/** What a mean is divided by: 1 where it is a sum, or where there is nothing to divide. */
// @ts-ignore: decorator
@inline
function shareOf(mean: bool, total: f64): f64 {
  return mean && total > 0 ? 1 / total : 1;
}

/**
 * Σ m (prediction - target)², divided by Σ m where `mean`; grad: its gradient. prediction, target, grad: Real[groups, size]; mask: m of each
 * group, Real[groups], or 0. All masked: 0.
 */
export function meanSquaredError(
  groups: i32,
  size: i32,
  mean: bool,
  prediction: usize,
  target: usize,
  mask: usize,
  grad: usize,
): f64 {
  const share = shareOf(mean, maskTotal(groups, mask) * <f64>size);
  let sum: f64 = 0;
  for (let i = 0; i < groups; i++) {
    const m = weightOf(mask, i);
    for (let j = i * size; j < (i + 1) * size; j++) {
      const error = m > 0 ? <f64>load<Real>(at(prediction, j)) - <f64>load<Real>(at(target, j)) : 0;
      sum += m * (error * error);
      store<Real>(at(grad, j), <Real>(2 * error * share * m));
    }
  }
  return sum * share;
}

/**
 * Σ huber(prediction - target), δ the error where it turns from e²/2 to δ (|e| - δ/2); else as meanSquaredError.
 *
 * @see torch.nn.HuberLoss
 */
export function huber(
  groups: i32,
  size: i32,
  mean: bool,
  delta: f64,
  prediction: usize,
  target: usize,
  mask: usize,
  grad: usize,
): f64 {
  const share = shareOf(mean, maskTotal(groups, mask) * <f64>size);
  let sum: f64 = 0;
  for (let i = 0; i < groups; i++) {
    const m = weightOf(mask, i);
    for (let j = i * size; j < (i + 1) * size; j++) {
      const error = m > 0 ? <f64>load<Real>(at(prediction, j)) - <f64>load<Real>(at(target, j)) : 0;
      const clipped = max<f64>(-delta, min<f64>(delta, error));
      sum += m * (clipped * (error - 0.5 * clipped));
      store<Real>(at(grad, j), <Real>(clipped * share * m));
    }
  }
  return sum * share;
}

/**
 * Σ over elements of -w [p y log σ(x) + (1 - y) log(1 - σ(x))], w and p being weights per element of a group (0 for ones): the
 * weight of its class and of its positive answers. Stable: (1 - y) x + (1 + (p - 1) y) softplus(-x).
 *
 * @see torch.nn.BCEWithLogitsLoss
 */
export function binaryCrossEntropy(
  groups: i32,
  size: i32,
  mean: bool,
  columns: i32,
  logits: usize,
  target: usize,
  mask: usize,
  weight: usize,
  positive: usize,
  grad: usize,
): f64 {
  const share = shareOf(mean, maskTotal(groups, mask) * <f64>size);
  let sum: f64 = 0;
  for (let i = 0; i < groups; i++) {
    const m = weightOf(mask, i);
    for (let j = i * size; j < (i + 1) * size; j++) {
      if (m == 0) {
        store<Real>(at(grad, j), <Real>0);
        continue;
      }
      const x = <f64>load<Real>(at(logits, j));
      const y = <f64>load<Real>(at(target, j));
      const w = weight ? <f64>load<Real>(at(weight, j % columns)) : 1.0;
      const p = positive ? <f64>load<Real>(at(positive, j % columns)) : 1.0;
      const tilt = 1 + (p - 1) * y;
      sum += m * (w * ((1 - y) * x + tilt * softplusScalar(-x)));
      store<Real>(at(grad, j), <Real>(w * (1 - y - tilt * sigmoidScalar(-x)) * share * m));
    }
  }
  return sum * share;
}

function softplusScalar(x: f64): f64 {
  return max<f64>(x, 0) + NativeMath.log1p(NativeMath.exp(-abs<f64>(x)));
}

function sigmoidScalar(x: f64): f64 {
  const e = NativeMath.exp(-abs<f64>(x));
  return x < 0 ? e / (1 + e) : 1 / (1 + e);
}

/**
 * Σ over rows of -Σ_c q_c w_c log softmax(logits)_c, q being 1 - smoothing at the row's id plus smoothing / classes everywhere;
 * each times the row's m; divided, where `mean`, by `classTotal`. logits, grad: Real[rows, classes]; ids: i32[rows], each in [0, classes);
 * mask: m, Real[rows] or 0; weight: Real[classes] or 0 for ones. All masked: 0.
 *
 * @see torch.nn.CrossEntropyLoss
 */
export function crossEntropy(
  rows: i32,
  classes: i32,
  mean: bool,
  smoothing: f64,
  logits: usize,
  ids: usize,
  mask: usize,
  weight: usize,
  grad: usize,
): f64 {
  const share = shareOf(mean, classTotal(rows, ids, mask, weight));
  const spread = smoothing / <f64>classes;
  let totalWeight: f64 = 0;
  for (let c = 0; c < classes; c++) totalWeight += classWeight(weight, c);
  let sum: f64 = 0;
  for (let i = 0; i < rows; i++) {
    const x = at(logits, i * classes);
    const y = at(grad, i * classes);
    const m = weightOf(mask, i);
    if (m == 0) {
      memory.fill(y, 0, at(0, classes));
      continue;
    }
    const id = load<i32>(at<i32>(ids, i));
    const own = (1 - smoothing) * classWeight(weight, id);
    const greatest = rowMaximum(classes, x);
    const total = <f64>logSumExp(classes, x, greatest);
    sum += m * (own * (total - <f64>load<Real>(at(x, id))));
    normaliseRow(classes, greatest, x, y);
    const mass = own + spread * totalWeight;
    for (let c = 0; c < classes; c++) {
      const even = spread * classWeight(weight, c);
      if (smoothing != 0) sum += m * (even * (total - <f64>load<Real>(at(x, c))));
      const p = <f64>load<Real>(at(y, c));
      store<Real>(at(y, c), <Real>((mass * p - even - (c == id ? own : 0)) * share * m));
    }
  }
  return sum * share;
}

/** Σ over rows of m times the weight of the row's class. */
export function classTotal(rows: i32, ids: usize, mask: usize, weight: usize): f64 {
  let total: f64 = 0;
  for (let i = 0; i < rows; i++) {
    const m = weightOf(mask, i);
    if (m > 0) total += m * classWeight(weight, load<i32>(at<i32>(ids, i)));
  }
  return total;
}

// @ts-ignore: decorator
@inline
function classWeight(weight: usize, id: i32): f64 {
  return weight ? <f64>load<Real>(at(weight, id)) : 1.0;
}

/** The position of the first id outside [0, classes) among the rows that the mask keeps, or `rows`. */
export function firstBadId(rows: i32, classes: i32, ids: usize, mask: usize): i32 {
  for (let i = 0; i < rows; i++) {
    if (weightOf(mask, i) > 0 && <u32>load<i32>(at<i32>(ids, i)) >= <u32>classes) return i;
  }
  return rows;
}
