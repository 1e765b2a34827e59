/** The last, partial vector of a row: computed whole, stored in part, so that an element's bits never depend on its place. */
import { TAIL_SCRATCH } from "../memory";
import { LANES, at } from "../simd";

/** Stores the first `valid` lanes of v (all of them where valid is a vector or more). */
// @ts-ignore: decorator
@inline
export function storeValid(dst: usize, v: v128, valid: i32): void {
  if (valid >= LANES) v128.store(dst, v);
  else storePart(dst, v, valid);
}

function storePart(dst: usize, v: v128, valid: i32): void {
  v128.store(TAIL_SCRATCH, v);
  memory.copy(dst, TAIL_SCRATCH, at(0, valid));
}
