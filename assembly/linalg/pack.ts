/**
 * Packing: B in panels of PANEL_VECTORS vectors (zeros past its last column), and blocks of a transposed A as rows.
 * A packed matrix of `columns` x `depth` takes packedElements(columns, depth) elements.
 */
import { PANEL_VECTORS } from "../memory";
import { at, lanes } from "../simd";

/** Columns in a panel: 8 for f32, 4 for f64. */
// @ts-ignore: decorator
@inline
export function panelColumns<T>(): i32 {
  return PANEL_VECTORS * lanes<T>();
}

/** dst[j * dstStride + i] = src[i * srcStride + j] for a block of lanes x lanes elements; strides in elements. */
// @ts-ignore: decorator
@inline
function transposeLanes<T>(src: usize, srcStride: i32, dst: usize, dstStride: i32): void {
  if (sizeof<T>() == 4) {
    const row0 = v128.load(src);
    const row1 = v128.load(at<T>(src, srcStride));
    const row2 = v128.load(at<T>(src, 2 * srcStride));
    const row3 = v128.load(at<T>(src, 3 * srcStride));
    const low01 = v128.shuffle<f32>(row0, row1, 0, 4, 1, 5);
    const high01 = v128.shuffle<f32>(row0, row1, 2, 6, 3, 7);
    const low23 = v128.shuffle<f32>(row2, row3, 0, 4, 1, 5);
    const high23 = v128.shuffle<f32>(row2, row3, 2, 6, 3, 7);
    v128.store(dst, v128.shuffle<f64>(low01, low23, 0, 2));
    v128.store(at<T>(dst, dstStride), v128.shuffle<f64>(low01, low23, 1, 3));
    v128.store(at<T>(dst, 2 * dstStride), v128.shuffle<f64>(high01, high23, 0, 2));
    v128.store(at<T>(dst, 3 * dstStride), v128.shuffle<f64>(high01, high23, 1, 3));
  } else {
    const row0 = v128.load(src);
    const row1 = v128.load(at<T>(src, srcStride));
    v128.store(dst, v128.shuffle<f64>(row0, row1, 0, 2));
    v128.store(at<T>(dst, dstStride), v128.shuffle<f64>(row0, row1, 1, 3));
  }
}

/** dst[j * dstStride + i] = src[i * srcStride + j] for i in [0, rows), j in [0, columns); src and dst must not overlap. */
export function transposeInto<T>(
  rows: i32,
  columns: i32,
  src: usize,
  srcStride: i32,
  dst: usize,
  dstStride: i32,
): void {
  const wholeRows = rows - (rows % lanes<T>());
  const wholeColumns = columns - (columns % lanes<T>());
  for (let i = 0; i < wholeRows; i += lanes<T>()) {
    for (let j = 0; j < wholeColumns; j += lanes<T>()) {
      transposeLanes<T>(at<T>(src, i * srcStride + j), srcStride, at<T>(dst, j * dstStride + i), dstStride);
    }
  }
  for (let i = 0; i < rows; i++) {
    for (let j = i < wholeRows ? wholeColumns : 0; j < columns; j++) {
      store<T>(at<T>(dst, j * dstStride + i), load<T>(at<T>(src, i * srcStride + j)));
    }
  }
}

/** Packs B = Wᵀ, W being T[columns, depth] with `stride` elements between its rows: the forward product x Wᵀ. */
export function packTransposed<T>(columns: i32, depth: i32, w: usize, stride: i32, packed: usize): void {
  const width = panelColumns<T>();
  for (let column = 0; column < columns; column += width) {
    const valid = min(width, columns - column);
    const panel = at<T>(packed, column * depth);
    if (valid < width) memory.fill(panel, 0, at<T>(0, width * depth));
    transposeInto<T>(valid, depth, at<T>(w, column * stride), stride, panel, width);
  }
}

/** Packs B = W, W being T[depth, columns] with `stride` elements between its rows: the backward product dY W. */
export function packPlain<T>(columns: i32, depth: i32, w: usize, stride: i32, packed: usize): void {
  const width = panelColumns<T>();
  for (let column = 0; column < columns; column += width) {
    const valid = min(width, columns - column);
    let panel = at<T>(packed, column * depth);
    if (valid < width) memory.fill(panel, 0, at<T>(0, width * depth));
    let row = at<T>(w, column);
    for (let k = 0; k < depth; k++) {
      copyPanelRow<T>(panel, row, valid);
      panel = at<T>(panel, width);
      row = at<T>(row, stride);
    }
  }
}

// @ts-ignore: decorator
@inline
function copyPanelRow<T>(panel: usize, row: usize, valid: i32): void {
  if (valid == panelColumns<T>()) {
    v128.store(panel, v128.load(row));
    v128.store(panel, v128.load(row, 16), 16);
  } else {
    for (let j = 0; j < valid; j++) store<T>(at<T>(panel, j), load<T>(at<T>(row, j)));
  }
}
