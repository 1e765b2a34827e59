/** Sums behind metrics, over what a mask keeps; what it leaves out is never read. All accumulate in float64. */
import { at } from "../simd";
import { keeps } from "./losses";
import { logSumExp, rowMaximum } from "./softmax";

/** Rows whose first greatest logit stands at the row's id. logits: T[rows, classes]; ids: i32[rows]; mask: T[rows] or 0. */
export function correctIds<T>(rows: i32, classes: i32, logits: usize, ids: usize, mask: usize): i32 {
  let correct = 0;
  for (let i = 0; i < rows; i++) {
    if (keeps<T>(mask, i)) correct += i32(argmax<T>(classes, at<T>(logits, i * classes)) == load<i32>(at<i32>(ids, i)));
  }
  return correct;
}

/** The place of the first greatest element. */
function argmax<T>(n: i32, x: usize): i32 {
  let best = 0;
  for (let j = 1; j < n; j++) {
    if (load<T>(at<T>(x, j)) > load<T>(at<T>(x, best))) best = j;
  }
  return best;
}

/** Elements with logit > 0 exactly where target > 0.5. logits, target: T[groups, size]; mask: T[groups] or 0. */
export function correctSigns<T>(groups: i32, size: i32, logits: usize, target: usize, mask: usize): i32 {
  let correct = 0;
  for (let i = 0; i < groups; i++) {
    if (!keeps<T>(mask, i)) continue;
    for (let j = i * size; j < (i + 1) * size; j++) {
      correct += i32(load<T>(at<T>(logits, j)) > 0 == load<T>(at<T>(target, j)) > <T>0.5);
    }
  }
  return correct;
}

/** Σ |prediction - target|. prediction, target: T[groups, size]; mask: T[groups] or 0. */
export function absoluteErrors<T>(groups: i32, size: i32, prediction: usize, target: usize, mask: usize): f64 {
  let sum: f64 = 0;
  for (let i = 0; i < groups; i++) {
    if (!keeps<T>(mask, i)) continue;
    for (let j = i * size; j < (i + 1) * size; j++) {
      sum += abs<f64>(<f64>load<T>(at<T>(prediction, j)) - <f64>load<T>(at<T>(target, j)));
    }
  }
  return sum;
}

/** Σ (prediction - target)². prediction, target: T[groups, size]; mask: T[groups] or 0. */
export function squaredErrors<T>(groups: i32, size: i32, prediction: usize, target: usize, mask: usize): f64 {
  let sum: f64 = 0;
  for (let i = 0; i < groups; i++) {
    if (!keeps<T>(mask, i)) continue;
    for (let j = i * size; j < (i + 1) * size; j++) {
      const error = <f64>load<T>(at<T>(prediction, j)) - <f64>load<T>(at<T>(target, j));
      sum += error * error;
    }
  }
  return sum;
}

/** Σ over rows of -log softmax(logits)[id]. logits: T[rows, classes]; ids: i32[rows], in [0, classes); mask: T[rows] or 0. */
export function surprisals<T>(rows: i32, classes: i32, logits: usize, ids: usize, mask: usize): f64 {
  let sum: f64 = 0;
  for (let i = 0; i < rows; i++) {
    if (!keeps<T>(mask, i)) continue;
    const x = at<T>(logits, i * classes);
    const total = <f64>logSumExp<T>(classes, x, rowMaximum<T>(classes, x));
    sum += total - <f64>load<T>(at<T>(x, load<i32>(at<i32>(ids, i))));
  }
  return sum;
}
