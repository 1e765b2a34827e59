/** What solvers know of a map from rows to rows: where its rows lie, and a function that runs it. */

import { recordAt } from "../simd";

/** Computes `result` of the first `count` rows in place. `map` is the RowMap. */
export type RunRows = (map: usize, count: i32) => void;

/** Whoever makes one may have fields of his own behind these; bindings/equilibrium/records.ts lists all of them. */
@unmanaged
export class RowMap {
  run: RunRows; // set before a solve by whoever knows how
  point: usize; // Real[capacity, n], where the map reads the point; or 0
  vector: usize; // Real[capacity, n], where it reads a direction; or 0
  result: usize; // Real[capacity, n]
  contexts: i32; // number of values beside these that it reads by rows
  table: usize; // Context[contexts]
  rows: usize; // scratch: i32[capacity], the rows whose contexts are in place
  placed: i32; // their number
}

/** A value that differs from row to row and not from evaluation to evaluation. */
@unmanaged
export class Context {
  source: usize; // of row 0 of all
  target: usize; // where the map reads
  bytes: i32; // of a row
}

/** Copies the contexts of one row to place `index`. */
export function placeRow(map: RowMap, row: i32, index: i32): void {
  for (let c = 0; c < map.contexts; c++) {
    const context = recordAt<Context>(map.table, c);
    const bytes = <usize>context.bytes;
    memory.copy(context.target + <usize>index * bytes, context.source + <usize>row * bytes, bytes);
  }
}
