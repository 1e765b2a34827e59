/** A random order of 0 … n-1, a function of (seed, stream) alone: Fisher and Yates, one Philox block per exchange. */
import { philox } from "../math/random";
import { TAIL_SCRATCH } from "../memory";
import { at } from "../simd";

export function shuffle(n: i32, seed0: u32, seed1: u32, stream0: u32, stream1: u32, out: usize): void {
  for (let i = 0; i < n; i++) store<i32>(at<i32>(out, i), i);
  for (let i = n - 1; i > 0; i--) {
    philox(<u32>i, 0, stream0, stream1, seed0, seed1, TAIL_SCRATCH);
    // the high part of a 32 x 32 bit product: uniform over [0, i] to within i / 2^32
    const j = <i32>((<u64>load<u32>(TAIL_SCRATCH) * (<u64>i + 1)) >> 32);
    const kept = load<i32>(at<i32>(out, i));
    store<i32>(at<i32>(out, i), load<i32>(at<i32>(out, j)));
    store<i32>(at<i32>(out, j), kept);
  }
}
