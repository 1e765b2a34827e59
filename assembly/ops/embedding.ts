/** Rows of a table picked by id, and gradients added back into the rows that were used. */
import { at } from "../simd";
import { addInto } from "./reduce";

/** y[i] = table[ids[i]]; table: Real[n, columns], y: Real[rows, columns]. */
export function pickRows(rows: i32, columns: i32, table: usize, ids: usize, y: usize): void {
  const bytes = at(0, columns);
  for (let i = 0; i < rows; i++) {
    memory.copy(y, table + <usize>load<i32>(at<i32>(ids, i)) * bytes, bytes);
    y += bytes;
  }
}

/** dTable[ids[i]] += dY[i], in order of i; rows whose id is `padding` are passed over. */
export function addRows(rows: i32, columns: i32, padding: i32, dY: usize, ids: usize, dTable: usize): void {
  for (let i = 0; i < rows; i++) {
    const id = load<i32>(at<i32>(ids, i));
    if (id == padding) continue;
    addInto(columns, at(dY, i * columns), at(dTable, id * columns));
  }
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

/** dTable[t] += Σ_b dY[t, b]. */
export function addStepSums(steps: i32, batch: i32, columns: i32, dY: usize, dTable: usize): void {
  const bytes = at(0, columns);
  for (let t = 0; t < steps; t++) {
    for (let b = 0; b < batch; b++) {
      addInto(columns, dY, dTable);
      dY += bytes;
    }
    dTable += bytes;
  }
}
