/**
 * Long sums over rows are sums of parts, so that no digits are lost: a part of so many pieces is added to the part above it, FOLD_PARTS of
 * those to the next one, the last to the total. The parts of a sum lie behind each other; between calls they are zeros.
 */
import { FOLD_PARTS, fold } from "../ops/reduce";
import { at } from "../simd";

/** Parts of a sum between a piece and its total. */
let levels: i32 = 0;
/** How many of them are full. */
let full: i32 = 0;

/** Before a call: all its sums have so many parts. */
export function setLevels(count: i32): void {
  levels = count;
  full = count;
}

/** After `pieces` pieces, of which a part holds `each`: is one full? */
export function isFull(pieces: i32, each: i32): bool {
  if (each == 0 || pieces % each != 0) return false;
  let parts = pieces / each;
  full = 1;
  while (full < levels && parts % FOLD_PARTS == 0) {
    full++;
    parts /= FOLD_PARTS;
  }
  return true;
}

/** At the end of a call all parts go to their totals, full or not. */
export function allFull(): void {
  full = levels;
}

/** Adds the full parts of a sum to what is above them. */
export function foldFull(elements: i32, parts: usize, total: usize): void {
  for (let level = 0; level < full; level++) {
    fold(elements, partAt(elements, parts, level), above(elements, parts, total, level));
  }
}

/** Adds the lowest part to what is above it, in the midst of a piece. */
export function foldLowest(elements: i32, parts: usize, total: usize): void {
  fold(elements, parts, above(elements, parts, total, 0));
}

// @ts-ignore: decorator
@inline
function partAt(elements: i32, parts: usize, level: i32): usize {
  return at(parts, level * elements);
}

// @ts-ignore: decorator
@inline
function above(elements: i32, parts: usize, total: usize, level: i32): usize {
  return level + 1 < levels ? partAt(elements, parts, level + 1) : total;
}
