/** Normal random numbers from uniform ones. */
import { Real } from "real";
import { at } from "../simd";
import { fillUniform } from "./random";

const TWO_PI: f64 = 6.283185307179586;

/**
 * out[i] ~ N(mean, deviation²) by Box and Muller: elements 2k and 2k + 1 from uniform draws 2k and 2k + 1 of the stream, so that an
 * element depends on (seed, stream, i) alone. n may be odd; out has room for one more.
 */
export function fillNormal(
  n: i32,
  mean: f64,
  deviation: f64,
  seed0: u32,
  seed1: u32,
  stream0: u32,
  stream1: u32,
  out: usize,
): void {
  const even = (n + 1) & ~1;
  fillUniform(even, 0, 1, seed0, seed1, stream0, stream1, out);
  for (let i = 0; i < even; i += 2) {
    const radius = sqrt<f64>(-2 * NativeMath.log(1 - <f64>load<Real>(at(out, i)))); // 1 - u is never 0
    const angle = TWO_PI * <f64>load<Real>(at(out, i + 1));
    store<Real>(at(out, i), <Real>(mean + deviation * radius * NativeMath.cos(angle)));
    if (i + 1 < n) store<Real>(at(out, i + 1), <Real>(mean + deviation * radius * NativeMath.sin(angle)));
  }
}
