/** Which steps of each sample hold data. */
import { at } from "../simd";

/** mask = 1 where t < lengths[b], else 0. lengths: i32[batch]; mask: T[steps, batch], or T[batch, steps] where batchFirst. */
export function lengthMask<T>(steps: i32, batch: i32, batchFirst: bool, lengths: usize, mask: usize): void {
  const stepStride = batchFirst ? 1 : batch;
  const sampleStride = batchFirst ? steps : 1;
  for (let b = 0; b < batch; b++) {
    const length = load<i32>(at<i32>(lengths, b));
    for (let t = 0; t < steps; t++) {
      store<T>(at<T>(mask, t * stepStride + b * sampleStride), <T>i32(t < length));
    }
  }
}
