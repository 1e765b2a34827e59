/** Sends the rows of samples through a map, whichever samples they are and however many. */
import { addInto, addScaled } from "../ops/reduce";
import { at } from "../simd";
import { RowMap, placeRow } from "./row-map";
import { POINT, Sample, VALUE, VECTOR, sampleAt, vector } from "./sample";
import { Solve } from "./solve";
import { copyRow } from "./vectors";

/** F at the POINT (or J times the VECTOR) of the first `count` samples of the list; arrives in VALUE. */
export function evaluate(solve: Solve, map: RowMap, count: i32, isProduct: bool): void {
  const n = solve.columns;
  const bytes = at(0, n);
  placeContexts(solve, map, count);
  for (let i = 0; i < count; i++) {
    const sample = listed(solve, i);
    const offset = <usize>i * bytes;
    const hasPoint = !isProduct || map.point != map.vector;
    if (hasPoint && map.point) copyRow(n, vector(solve, sample, POINT), map.point + offset);
    if (isProduct) copyRow(n, vector(solve, sample, VECTOR), map.vector + offset);
  }
  map.run(changetype<usize>(map), count);
  for (let i = 0; i < count; i++) {
    const sample = listed(solve, i);
    const value = vector(solve, sample, VALUE);
    copyRow(n, map.result + <usize>i * bytes, value);
    if (solve.constant && !isProduct) addConstant(n, sample.scale, solve.constant + <usize>sample.row * bytes, value);
    sample.evaluations++;
  }
  solve.work += <f64>count;
}

function addConstant(n: i32, scale: f64, constant: usize, value: usize): void {
  if (scale == 1) addInto(n, constant, value);
  else addScaled(n, scale, constant, value);
}

// @ts-ignore: decorator
@inline
export function listed(solve: Solve, index: i32): Sample {
  return sampleAt(solve, load<i32>(at<i32>(solve.list, index)));
}

/** Copies the contexts of the listed samples' rows to where the map reads, unless they are there already. */
function placeContexts(solve: Solve, map: RowMap, count: i32): void {
  let isPlaced = map.placed == count;
  for (let i = 0; i < count; i++) {
    const place = at<i32>(map.rows, i);
    const row = listed(solve, i).row;
    if (load<i32>(place) == row) continue;
    store<i32>(place, row);
    isPlaced = false;
  }
  if (isPlaced) return;
  map.placed = count;
  for (let i = 0; i < count; i++) placeRow(map, load<i32>(at<i32>(map.rows, i)), i);
}
