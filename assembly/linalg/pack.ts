/**
 * Packing: B in panels of PANEL_VECTORS vectors (zeros past its last column), and blocks of a transposed A as rows.
 * A packed matrix of `columns` x `depth` takes packedElements(columns, depth) elements.
 */
import { Real } from "real";
import { PANEL_VECTORS } from "../memory";
import { LANES, at } from "../simd";

/** Columns in a panel: 8 for float32, 4 for float64. */
export const PANEL_COLUMNS: i32 = PANEL_VECTORS * LANES;

/** dst[j * dstStride + i] = src[i * srcStride + j] for a block of lanes x lanes elements; strides in elements. */
// @ts-ignore: decorator
@inline
function transposeLanes(src: usize, srcStride: i32, dst: usize, dstStride: i32): void {
  if (sizeof<Real>() == 4) {
    const row0 = v128.load(src);
    const row1 = v128.load(at(src, srcStride));
    const row2 = v128.load(at(src, 2 * srcStride));
    const row3 = v128.load(at(src, 3 * srcStride));
    const low01 = v128.shuffle<f32>(row0, row1, 0, 4, 1, 5);
    const high01 = v128.shuffle<f32>(row0, row1, 2, 6, 3, 7);
    const low23 = v128.shuffle<f32>(row2, row3, 0, 4, 1, 5);
    const high23 = v128.shuffle<f32>(row2, row3, 2, 6, 3, 7);
    v128.store(dst, v128.shuffle<f64>(low01, low23, 0, 2));
    v128.store(at(dst, dstStride), v128.shuffle<f64>(low01, low23, 1, 3));
    v128.store(at(dst, 2 * dstStride), v128.shuffle<f64>(high01, high23, 0, 2));
    v128.store(at(dst, 3 * dstStride), v128.shuffle<f64>(high01, high23, 1, 3));
  } else {
    const row0 = v128.load(src);
    const row1 = v128.load(at(src, srcStride));
    v128.store(dst, v128.shuffle<f64>(row0, row1, 0, 2));
    v128.store(at(dst, dstStride), v128.shuffle<f64>(row0, row1, 1, 3));
  }
}

/** dst[j * dstStride + i] = src[i * srcStride + j] for i in [0, rows), j in [0, columns); src and dst must not overlap. */
export function transposeInto(rows: i32, columns: i32, src: usize, srcStride: i32, dst: usize, dstStride: i32): void {
  const wholeRows = rows - (rows % LANES);
  const wholeColumns = columns - (columns % LANES);
  for (let i = 0; i < wholeRows; i += LANES) {
    for (let j = 0; j < wholeColumns; j += LANES) {
      transposeLanes(at(src, i * srcStride + j), srcStride, at(dst, j * dstStride + i), dstStride);
    }
  }
  for (let i = 0; i < rows; i++) {
    for (let j = i < wholeRows ? wholeColumns : 0; j < columns; j++) {
      store<Real>(at(dst, j * dstStride + i), load<Real>(at(src, i * srcStride + j)));
    }
  }
}

/** Packs B = Wᵀ, W being Real[columns, depth] with `stride` elements between its rows: the forward product x Wᵀ. */
export function packTransposed(columns: i32, depth: i32, w: usize, stride: i32, packed: usize): void {
  const width = PANEL_COLUMNS;
  for (let column = 0; column < columns; column += width) {
    const valid = min(width, columns - column);
    const panel = at(packed, column * depth);
    if (valid < width) memory.fill(panel, 0, at(0, width * depth));
    transposeInto(valid, depth, at(w, column * stride), stride, panel, width);
  }
}

/** Packs B = W, W being Real[depth, columns] with `stride` elements between its rows: the backward product dY W. */
export function packPlain(columns: i32, depth: i32, w: usize, stride: i32, packed: usize): void {
  const width = PANEL_COLUMNS;
  for (let column = 0; column < columns; column += width) {
    const valid = min(width, columns - column);
    let panel = at(packed, column * depth);
    if (valid < width) memory.fill(panel, 0, at(0, width * depth));
    let row = at(w, column);
    for (let k = 0; k < depth; k++) {
      copyPanelRow(panel, row, valid);
      panel = at(panel, width);
      row = at(row, stride);
    }
  }
}

// @ts-ignore: decorator
@inline
function copyPanelRow(panel: usize, row: usize, valid: i32): void {
  if (valid == PANEL_COLUMNS) {
    v128.store(panel, v128.load(row));
    v128.store(panel, v128.load(row, 16), 16);
  } else {
    for (let j = 0; j < valid; j++) store<Real>(at(panel, j), load<Real>(at(row, j)));
  }
}
