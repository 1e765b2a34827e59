/** Small dense systems in float64, a sample's own. */
import { at } from "../simd";

/**
 * Overwrites the last column of the rows [A | b], A: f64[n, n], with A⁻¹ b; elimination with partial pivoting. False, and nothing of use
 * there, where a pivot is 0 or not a number.
 */
export function solveSmall(n: i32, system: usize): bool {
  const width = n + 1;
  for (let k = 0; k < n; k++) {
    swapRows(width, system, k, pivotOf(n, width, system, k));
    const pivot = load<f64>(at<f64>(system, k * width + k));
    if (!(abs<f64>(pivot) > 0)) return false;
    for (let i = k + 1; i < n; i++) eliminate(width, system, i, k, load<f64>(at<f64>(system, i * width + k)) / pivot);
  }
  for (let i = n - 1; i >= 0; i--) {
    let sum = load<f64>(at<f64>(system, i * width + n));
    for (let j = i + 1; j < n; j++) {
      sum -= load<f64>(at<f64>(system, i * width + j)) * load<f64>(at<f64>(system, j * width + n));
    }
    store<f64>(at<f64>(system, i * width + n), sum / load<f64>(at<f64>(system, i * width + i)));
  }
  return true;
}

function pivotOf(n: i32, width: i32, system: usize, k: i32): i32 {
  let best = k;
  for (let i = k + 1; i < n; i++) {
    const size = abs<f64>(load<f64>(at<f64>(system, i * width + k)));
    if (size > abs<f64>(load<f64>(at<f64>(system, best * width + k)))) best = i;
  }
  return best;
}

function swapRows(width: i32, system: usize, a: i32, b: i32): void {
  if (a == b) return;
  for (let j = 0; j < width; j++) {
    const held = load<f64>(at<f64>(system, a * width + j));
    store<f64>(at<f64>(system, a * width + j), load<f64>(at<f64>(system, b * width + j)));
    store<f64>(at<f64>(system, b * width + j), held);
  }
}

/** Row i -= factor row k, from column k on. */
function eliminate(width: i32, system: usize, i: i32, k: i32, factor: f64): void {
  for (let j = k; j < width; j++) {
    const place = at<f64>(system, i * width + j);
    store<f64>(place, load<f64>(place) - factor * load<f64>(at<f64>(system, k * width + j)));
  }
}
