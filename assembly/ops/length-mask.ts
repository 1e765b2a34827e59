/** Which steps of each sample hold data. */
import { Real } from "real";
import { at } from "../simd";

/** mask = 1 where t < lengths[b], else 0. lengths: i32[batch]; mask: Real[steps, batch], or Real[batch, steps] where batchFirst. */
export function lengthMask(steps: i32, batch: i32, batchFirst: bool, lengths: usize, mask: usize): void {
  const stepStride = batchFirst ? 1 : batch;
  const sampleStride = batchFirst ? steps : 1;
  for (let b = 0; b < batch; b++) {
    const length = load<i32>(at<i32>(lengths, b));
    for (let t = 0; t < steps; t++) {
      store<Real>(at(mask, t * stepStride + b * sampleStride), <Real>i32(t < length));
    }
  }
}
