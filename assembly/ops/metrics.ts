/** Sums behind metrics, each term times its mask's weight; what has the weight 0 is never read. All accumulate in float64. */
import { Real } from "real";
import { at } from "../simd";
import { weightOf } from "./losses";
import { logSumExp, rowMaximum } from "./softmax";

/** Rows whose first greatest logit stands at the row's id. logits: Real[rows, classes]; ids: i32[rows]; mask: Real[rows] or 0. */
export function correctIds(rows: i32, classes: i32, logits: usize, ids: usize, mask: usize): f64 {
  let correct: f64 = 0;
  for (let i = 0; i < rows; i++) {
    const m = weightOf(mask, i);
    if (m > 0 && argmax(classes, at(logits, i * classes)) == load<i32>(at<i32>(ids, i))) correct += m;
  }
  return correct;
}

/** The place of the first greatest element. */
function argmax(n: i32, x: usize): i32 {
  let best = 0;
  for (let j = 1; j < n; j++) {
    if (load<Real>(at(x, j)) > load<Real>(at(x, best))) best = j;
  }
  return best;
}

/** Elements with logit > 0 exactly where target > 0.5. logits, target: Real[groups, size]; mask: Real[groups] or 0. */
export function correctSigns(groups: i32, size: i32, logits: usize, target: usize, mask: usize): f64 {
  let correct: f64 = 0;
  for (let i = 0; i < groups; i++) {
    const m = weightOf(mask, i);
    if (m == 0) continue;
    for (let j = i * size; j < (i + 1) * size; j++) {
      if (load<Real>(at(logits, j)) > 0 == load<Real>(at(target, j)) > <Real>0.5) correct += m;
    }
  }
  return correct;
}

/** Σ |prediction - target|. prediction, target: Real[groups, size]; mask: Real[groups] or 0. */
export function absoluteErrors(groups: i32, size: i32, prediction: usize, target: usize, mask: usize): f64 {
  let sum: f64 = 0;
  for (let i = 0; i < groups; i++) {
    const m = weightOf(mask, i);
    if (m == 0) continue;
    for (let j = i * size; j < (i + 1) * size; j++) {
      sum += m * abs<f64>(<f64>load<Real>(at(prediction, j)) - <f64>load<Real>(at(target, j)));
    }
  }
  return sum;
}

/** Σ (prediction - target)². prediction, target: Real[groups, size]; mask: Real[groups] or 0. */
export function squaredErrors(groups: i32, size: i32, prediction: usize, target: usize, mask: usize): f64 {
  let sum: f64 = 0;
  for (let i = 0; i < groups; i++) {
    const m = weightOf(mask, i);
    if (m == 0) continue;
    for (let j = i * size; j < (i + 1) * size; j++) {
      const error = <f64>load<Real>(at(prediction, j)) - <f64>load<Real>(at(target, j));
      sum += m * (error * error);
    }
  }
  return sum;
}

/** Σ over rows of -log softmax(logits)[id]. logits: Real[rows, classes]; ids: i32[rows], in [0, classes); mask: Real[rows] or 0. */
export function surprisals(rows: i32, classes: i32, logits: usize, ids: usize, mask: usize): f64 {
  let sum: f64 = 0;
  for (let i = 0; i < rows; i++) {
    const m = weightOf(mask, i);
    if (m == 0) continue;
    const x = at(logits, i * classes);
    const total = <f64>logSumExp(classes, x, rowMaximum(classes, x));
    sum += m * (total - <f64>load<Real>(at(x, load<i32>(at<i32>(ids, i)))));
  }
  return sum;
}
