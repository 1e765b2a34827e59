/** Sends the rows of samples through a planned program, whichever samples they are and however many. */
import { execute } from "../engine/execute";
import * as format from "../engine/format";
import { addressRows, setUnit, word } from "../engine/frame";
import { addInto } from "../ops/reduce";
import { at } from "../simd";
import { POINT, Sample, VALUE, VECTOR, sampleAt, vector } from "./sample";
import { Context, Mapping, Solve } from "./solve";
import { copyRow } from "./vectors";

/** Computes what follows from parameters alone, where they changed; forgets the contexts of an earlier call. */
export function beginMapping(mapping: Mapping): void {
  mapping.placed = 0;
  if (!mapping.refresh) return;
  setUnit(word(mapping.unit, format.UNIT_VALUES));
  addressRows(0);
  segment(mapping, format.PROGRAM_START);
  segment(mapping, format.PROGRAM_PARAMETERS);
}

export function segment(mapping: Mapping, index: i32): void {
  const program = word(mapping.unit, format.UNIT_PROGRAM);
  execute(word(program, index), word(program, index + 1));
}

/** Runs the program on `count` rows that are in place. */
export function run(mapping: Mapping, count: i32): void {
  setUnit(word(mapping.unit, format.UNIT_VALUES));
  addressRows(count);
  segment(mapping, format.PROGRAM_PROLOGUE);
}

/** F at the POINT (or J times the VECTOR) of the first `count` samples of the list; arrives in VALUE. */
export function evaluate(solve: Solve, mapping: Mapping, count: i32, isProduct: bool): void {
  const n = solve.columns;
  const bytes = at(0, n);
  placeContexts(solve, mapping, count);
  for (let i = 0; i < count; i++) {
    const sample = listed(solve, i);
    const offset = <usize>i * bytes;
    const hasPoint = !isProduct || mapping.point != mapping.vector;
    if (hasPoint && mapping.point) copyRow(n, vector(solve, sample, POINT), mapping.point + offset);
    if (isProduct) copyRow(n, vector(solve, sample, VECTOR), mapping.vector + offset);
  }
  run(mapping, count);
  for (let i = 0; i < count; i++) {
    const sample = listed(solve, i);
    const value = vector(solve, sample, VALUE);
    copyRow(n, mapping.result + <usize>i * bytes, value);
    if (solve.constant && !isProduct) addInto(n, solve.constant + <usize>sample.row * bytes, value);
    sample.evaluations++;
  }
  solve.work += <f64>count;
}

// @ts-ignore: decorator
@inline
export function listed(solve: Solve, index: i32): Sample {
  return sampleAt(solve, load<i32>(at<i32>(solve.list, index)));
}

/** Copies the contexts of the listed samples' rows to where the program reads, unless they are there already. */
function placeContexts(solve: Solve, mapping: Mapping, count: i32): void {
  let isPlaced = mapping.placed == count;
  for (let i = 0; i < count; i++) {
    const place = at<i32>(mapping.rows, i);
    const row = listed(solve, i).row;
    if (load<i32>(place) == row) continue;
    store<i32>(place, row);
    isPlaced = false;
  }
  if (isPlaced) return;
  mapping.placed = count;
  for (let i = 0; i < count; i++) placeRow(mapping, load<i32>(at<i32>(mapping.rows, i)), i);
}

/** Copies the contexts of one row to place `index`. */
export function placeRow(mapping: Mapping, row: i32, index: i32): void {
  for (let c = 0; c < mapping.contexts; c++) {
    const context = changetype<Context>(mapping.table + <usize>(c * offsetof<Context>()));
    const bytes = <usize>context.bytes;
    memory.copy(context.target + <usize>index * bytes, context.source + <usize>row * bytes, bytes);
  }
}
