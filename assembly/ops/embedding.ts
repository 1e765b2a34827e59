/** Rows of a table picked by id, and gradients added back into the rows that were used. */
import { at, wholeVectors } from "../simd";
import { FOLD_ROWS, SUM_ROWS, addInto, columnSum, fold } from "./reduce";

/** y[i] = table[ids[i]]; table: Real[n, columns], y: Real[rows, columns]. */
export function pickRows(rows: i32, columns: i32, table: usize, ids: usize, y: usize): void {
  const bytes = at(0, columns);
  for (let i = 0; i < rows; i++) {
    memory.copy(y, table + <usize>load<i32>(at<i32>(ids, i)) * bytes, bytes);
    y += bytes;
  }
}

/**
 * dTable[ids[i]] += dY[i], in order of i for each id; rows whose id is `padding` are passed over. An id of more than SUM_ROWS rows has them
 * summed in blocks, so that many of them lose few digits.
 *
 * @param entries ids are in [0, entries)
 * @param order scratch, i32[rows]
 * @param ends scratch, i32[entries]
 * @param partials scratch, two rows of zeros, and so left
 */
export function addRows(
  rows: i32,
  columns: i32,
  entries: i32,
  padding: i32,
  dY: usize,
  ids: usize,
  dTable: usize,
  order: usize,
  ends: usize,
  partials: usize,
): void {
  if (rows <= SUM_ROWS) {
    for (let i = 0; i < rows; i++) addRow(columns, padding, load<i32>(at<i32>(ids, i)), at(dY, i * columns), dTable);
    return;
  }
  orderById(rows, entries, ids, order, ends);
  let first = 0;
  for (let id = 0; id < entries; id++) {
    const end = load<i32>(at<i32>(ends, id));
    if (id != padding) addListed(end - first, columns, dY, at<i32>(order, first), at(dTable, id * columns), partials);
    first = end;
  }
}

// @ts-ignore: decorator
@inline
function addRow(columns: i32, padding: i32, id: i32, dY: usize, dTable: usize): void {
  if (id != padding) addInto(columns, dY, at(dTable, id * columns));
}

/** order: positions by id, in their order within each; ends[id]: where those of an id end. A counting sort. */
function orderById(rows: i32, entries: i32, ids: usize, order: usize, ends: usize): void {
  memory.fill(ends, 0, at<i32>(0, entries));
  for (let i = 0; i < rows; i++) {
    const count = at<i32>(ends, load<i32>(at<i32>(ids, i)));
    store<i32>(count, load<i32>(count) + 1);
  }
  let first = 0;
  for (let id = 0; id < entries; id++) {
    const place = at<i32>(ends, id);
    const count = load<i32>(place);
    store<i32>(place, first);
    first += count;
  }
  for (let i = 0; i < rows; i++) {
    const place = at<i32>(ends, load<i32>(at<i32>(ids, i)));
    const next = load<i32>(place);
    store<i32>(at<i32>(order, next), i);
    store<i32>(place, next + 1);
  }
}

/** target += the listed rows of dY. */
function addListed(count: i32, columns: i32, dY: usize, list: usize, target: usize, partials: usize): void {
  const block = count > SUM_ROWS ? partials : target;
  const part = count > FOLD_ROWS ? partials + wholeRowBytes(columns) : target;
  for (let i = 0; i < count; i++) {
    addInto(columns, at(dY, load<i32>(at<i32>(list, i)) * columns), block);
    if ((i + 1) % SUM_ROWS == 0) fold(columns, block, part);
    if ((i + 1) % FOLD_ROWS == 0) fold(columns, part, target);
  }
  fold(columns, block, part);
  fold(columns, part, target);
}

/** Bytes of a row whose last vector is whole. */
// @ts-ignore: decorator
@inline
function wholeRowBytes(columns: i32): usize {
  return at(0, wholeVectors(columns));
}

/** y[t, b] = x[t, b] + table[first + t]; x, y: Real[steps, batch, columns]; y may be x. */
export function addStepRows(steps: i32, batch: i32, columns: i32, x: usize, table: usize, y: usize): void {
  const bytes = at(0, columns);
  for (let t = 0; t < steps; t++) {
    for (let b = 0; b < batch; b++) {
      memory.copy(y, x, bytes);
      addInto(columns, table, y);
      x += bytes;
      y += bytes;
    }
    table += bytes;
  }
}

/** dTable[t] += Σ_b dY[t, b]; partial: scratch, a row of zeros, and so left. */
export function addStepSums(steps: i32, batch: i32, columns: i32, dY: usize, dTable: usize, partial: usize): void {
  const bytes = at(0, columns);
  for (let t: usize = 0; t < <usize>steps; t++) {
    const target = dTable + t * bytes;
    const sum = batch > FOLD_ROWS ? partial : target;
    for (let b = 0; b < batch; b += FOLD_ROWS) {
      columnSum(min(FOLD_ROWS, batch - b), columns, dY + (t * <usize>batch + <usize>b) * bytes, sum);
      fold(columns, sum, target);
    }
  }
}
