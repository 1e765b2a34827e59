/**
 * Constants of the vector functions lie in memory: Node 24 and 26 build a literal vector anew at each use, and a
 * load that repeats one element costs no more than a load.
 */
import { at, loadSplat } from "../simd";

/** Element `index` of the float32 table at `table`, in every lane. */
// @ts-ignore: decorator
@inline
export function constant(table: usize, index: i32 = 0): v128 {
  return loadSplat<f32>(at<f32>(table, index));
}
