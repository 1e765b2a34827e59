/** Reading one array as if it were another: broadcasts over rows or columns, and slices of columns. */
import { Real } from "real";
import { at } from "../simd";

/** y[e - first] = x[offset + i * rowStride + j * columnStride] for e in [first, first + n), e = i * columns + j. */
export function view(first: i32, n: i32, columns: i32, rowStride: i32, columnStride: i32, x: usize, y: usize): void {
  let row = first / columns;
  let column = first - row * columns;
  let done = 0;
  while (done < n) {
    const count = min(columns - column, n - done);
    copyStrided(count, at(x, row * rowStride + column * columnStride), columnStride, at(y, done));
    done += count;
    column = 0;
    row += 1;
  }
}

// @ts-ignore: decorator
@inline
function copyStrided(n: i32, x: usize, stride: i32, y: usize): void {
  if (stride == 1 && n >= 16) {
    memory.copy(y, x, at(0, n));
    return;
  }
  const step = at(0, stride);
  const end = at(y, n);
  while (y < end) {
    store<Real>(y, load<Real>(x));
    x += step;
    y += sizeof<Real>();
  }
}

/** Copies a[rows, columns] into the columns [offset, offset + columns) of dst[rows, dstColumns]. */
export function place(rows: i32, columns: i32, dstColumns: i32, offset: i32, a: usize, dst: usize): void {
  const bytes = at(0, columns);
  dst = at(dst, offset);
  for (let i = 0; i < rows; i++) {
    memory.copy(dst, a, bytes);
    a += bytes;
    dst = at(dst, dstColumns);
  }
}
