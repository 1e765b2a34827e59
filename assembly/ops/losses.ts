/** Losses with their gradients. Values accumulate in float64; what a mask leaves out is never read. */
import { at } from "../simd";
import { logSumExp, normaliseRow, rowMaximum } from "./softmax";

/** How many of `groups` the mask keeps: those whose mask is not 0; all of them without a mask. */
function keptGroups<T>(groups: i32, mask: usize): i32 {
  if (!mask) return groups;
  let kept = 0;
  for (let i = 0; i < groups; i++) kept += i32(load<T>(at<T>(mask, i)) != 0);
  return kept;
}

// @ts-ignore: decorator
@inline
function keeps<T>(mask: usize, group: i32): bool {
  return !mask || load<T>(at<T>(mask, group)) != 0;
}

/**
 * Σ (prediction - target)², divided by the number of unmasked elements where `mean`; grad: its gradient.
 * prediction, target, grad: T[groups, size]; mask: T[groups] or 0. All masked: 0.
 */
export function meanSquaredError<T>(
  groups: i32,
  size: i32,
  mean: bool,
  prediction: usize,
  target: usize,
  mask: usize,
  grad: usize,
): f64 {
  const kept = keptGroups<T>(groups, mask) * size;
  const share = mean && kept > 0 ? 1.0 / <f64>kept : 1.0;
  let sum: f64 = 0;
  for (let i = 0; i < groups; i++) {
    const keep = keeps<T>(mask, i);
    for (let j = i * size; j < (i + 1) * size; j++) {
      const error = keep ? <f64>load<T>(at<T>(prediction, j)) - <f64>load<T>(at<T>(target, j)) : 0;
      sum += error * error;
      store<T>(at<T>(grad, j), <T>(2 * error * share));
    }
  }
  return sum * share;
}

/**
 * Σ -log softmax(logits)[id], divided by the number of unmasked rows where `mean`; grad: its gradient.
 * logits, grad: T[rows, classes]; ids: i32[rows], each in [0, classes); mask: T[rows] or 0. All masked: 0.
 */
export function crossEntropy<T>(
  rows: i32,
  classes: i32,
  mean: bool,
  logits: usize,
  ids: usize,
  mask: usize,
  grad: usize,
): f64 {
  const kept = keptGroups<T>(rows, mask);
  const share = mean && kept > 0 ? 1.0 / <f64>kept : 1.0;
  let sum: f64 = 0;
  for (let i = 0; i < rows; i++) {
    const x = at<T>(logits, i * classes);
    const y = at<T>(grad, i * classes);
    if (!keeps<T>(mask, i)) {
      memory.fill(y, 0, at<T>(0, classes));
      continue;
    }
    const id = load<i32>(at<i32>(ids, i));
    const greatest = rowMaximum<T>(classes, x);
    sum += <f64>logSumExp<T>(classes, x, greatest) - <f64>load<T>(at<T>(x, id));
    normaliseRow<T>(classes, greatest, x, y);
    for (let j = 0; j < classes; j++) {
      const p = <f64>load<T>(at<T>(y, j));
      store<T>(at<T>(y, j), <T>((j == id ? p - 1 : p) * share));
    }
  }
  return sum * share;
}

/** The position of the first id outside [0, classes) among the rows that the mask keeps, or `rows`. */
export function firstBadId<T>(rows: i32, classes: i32, ids: usize, mask: usize): i32 {
  for (let i = 0; i < rows; i++) {
    if (keeps<T>(mask, i) && <u32>load<i32>(at<i32>(ids, i)) >= <u32>classes) return i;
  }
  return rows;
}
