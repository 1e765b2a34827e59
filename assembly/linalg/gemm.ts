/**
 * Matrix products C = start + A B over packed panels of B. Each element of C takes its terms in order of k, from
 * its start on, whatever the number of rows and the blocking: the same bits for a row alone and in a batch.
 */
import { BLOCK_DEPTH_BYTES, BLOCK_ROWS, EDGE_TILE, PACKED_ROWS, PANEL_VECTORS } from "../memory";
import { VECTOR_BYTES, at } from "../simd";
import { packPlain, panelColumns, transposeInto } from "./pack";
import { tile1x2, tile1x4, tile1x8, tile2x2, tile2x4, tile3x2, tile4x2, tile5x2, tile6x2 } from "./tiles";

/** Columns of B kept in the second-level cache at a time. */
const BLOCK_COLUMNS: i32 = 256;

/** Tallest tile that does not spill: see tiles.ts. */
// @ts-ignore: decorator
@inline
function tallTile(): i32 {
  return ASC_FEATURE_RELAXED_SIMD ? 6 : 5;
}

// @ts-ignore: decorator
@inline
function blockDepth<T>(): i32 {
  return BLOCK_DEPTH_BYTES / sizeof<T>();
}

/** Height of the next tile when `rows` are left: full tiles and tiles one lower, so that no thin one remains. */
// @ts-ignore: decorator
@inline
function tileHeight(rows: i32): i32 {
  const tall = tallTile();
  if (rows % tall == 0) return tall;
  if (rows < 4) return rows;
  if (rows == 6) return 3;
  if (tall == 6 && (rows == 9 || rows > 8)) return 5;
  return tall == 6 && rows == 5 ? 5 : 4;
}

// @ts-ignore: decorator
@inline
function tile<T>(
  height: i32,
  depth: i32,
  a: usize,
  aStride: usize,
  b: usize,
  start: usize,
  startStride: usize,
  c: usize,
  cStride: usize,
): void {
  if (height == 5) return tile5x2<T>(depth, a, aStride, b, start, startStride, c, cStride);
  if (height == 4) return tile4x2<T>(depth, a, aStride, b, start, startStride, c, cStride);
  if (height == 3) return tile3x2<T>(depth, a, aStride, b, start, startStride, c, cStride);
  if (height == 2) return tile2x2<T>(depth, a, aStride, b, start, startStride, c, cStride);
  if (ASC_FEATURE_RELAXED_SIMD && height == 6) return tile6x2<T>(depth, a, aStride, b, start, startStride, c, cStride);
  tile1x2<T>(depth, a, aStride, b, start, startStride, c, cStride);
}

/** A tile of which only `valid` columns exist: computed in EDGE_TILE, so that nothing beside C is written. */
function edgeTile<T>(
  height: i32,
  depth: i32,
  a: usize,
  aStride: usize,
  b: usize,
  start: usize,
  startStride: usize,
  c: usize,
  cStride: usize,
  valid: i32,
): void {
  const bytes = at<T>(0, valid);
  const edgeStride: usize = PANEL_VECTORS * VECTOR_BYTES;
  for (let i = 0; i < height; i++)
    memory.copy(EDGE_TILE + <usize>i * edgeStride, start + <usize>i * startStride, bytes);
  tile<T>(height, depth, a, aStride, b, EDGE_TILE, edgeStride, EDGE_TILE, edgeStride);
  for (let i = 0; i < height; i++) memory.copy(c + <usize>i * cStride, EDGE_TILE + <usize>i * edgeStride, bytes);
}

/** All rows of a block against one panel. */
function panelProduct<T>(
  rows: i32,
  valid: i32,
  depth: i32,
  a: usize,
  aStride: usize,
  b: usize,
  start: usize,
  startStride: usize,
  c: usize,
  cStride: usize,
): void {
  const whole = valid >= panelColumns<T>();
  while (rows > 0) {
    const height = tileHeight(rows);
    if (whole) tile<T>(height, depth, a, aStride, b, start, startStride, c, cStride);
    else edgeTile<T>(height, depth, a, aStride, b, start, startStride, c, cStride, valid);
    a += <usize>height * aStride;
    start += <usize>height * startStride;
    c += <usize>height * cStride;
    rows -= height;
  }
}

/**
 * One or two rows: several panels at a time, for enough independent accumulators to hide an addition's latency. The
 * widest tile is an export of the core: inlined here, its accumulators would spill.
 */
function thinProduct<T>(
  rows: i32,
  columns: i32,
  depth: i32,
  a: usize,
  aStride: usize,
  b: usize,
  start: usize,
  startStride: usize,
  c: usize,
  cStride: usize,
): void {
  const width = panelColumns<T>();
  const panelStride = at<T>(0, width * depth);
  let column = 0;
  for (; rows == 1 && column + 4 * width <= columns; column += 4 * width) {
    tile1x8<T>(depth, a, b, panelStride, start, c);
    b += 4 * panelStride;
    start = at<T>(start, 4 * width);
    c = at<T>(c, 4 * width);
  }
  for (; column + 2 * width <= columns; column += 2 * width) {
    if (rows == 1) tile1x4<T>(depth, a, aStride, b, panelStride, start, startStride, c, cStride);
    else tile2x4<T>(depth, a, aStride, b, panelStride, start, startStride, c, cStride);
    b += 2 * panelStride;
    start = at<T>(start, 2 * width);
    c = at<T>(c, 2 * width);
  }
  for (; column < columns; column += width) {
    panelProduct<T>(rows, columns - column, depth, a, aStride, b, start, startStride, c, cStride);
    b += panelStride;
    start = at<T>(start, width);
    c = at<T>(c, width);
  }
}

/**
 * C[rows, columns] = start + A[rows, depth] B, B being packed by `packTransposed` or `packPlain`.
 *
 * @param aStride elements between the rows of A
 * @param start rows of `columns` elements; C itself to add to it
 * @param startStride elements between the rows of start; 0 for one vector that every row starts from
 * @param cStride elements between the rows of C; C must not overlap A or B, nor start in part
 */
export function gemmPacked<T>(
  rows: i32,
  columns: i32,
  depth: i32,
  a: usize,
  aStride: i32,
  packed: usize,
  start: usize,
  startStride: i32,
  c: usize,
  cStride: i32,
): void {
  assert(rows >= 0 && columns >= 0 && depth > 0);
  const aBytes = at<T>(0, aStride);
  const startBytes = at<T>(0, startStride);
  const cBytes = at<T>(0, cStride);
  if (rows <= 2) return thinProduct<T>(rows, columns, depth, a, aBytes, packed, start, startBytes, c, cBytes);
  for (let column = 0; column < columns; column += BLOCK_COLUMNS) {
    const blockColumns = min(BLOCK_COLUMNS, columns - column);
    for (let k = 0; k < depth; k += blockDepth<T>()) {
      const terms = min(blockDepth<T>(), depth - k);
      for (let row = 0; row < rows; row += BLOCK_ROWS) {
        const cBlock = at<T>(c + <usize>row * cBytes, column);
        blockProduct<T>(
          min(BLOCK_ROWS, rows - row),
          blockColumns,
          terms,
          depth,
          at<T>(a + <usize>row * aBytes, k),
          aBytes,
          at<T>(packed, column * depth + k * panelColumns<T>()),
          k == 0 ? at<T>(start + <usize>row * startBytes, column) : cBlock,
          k == 0 ? startBytes : cBytes,
          cBlock,
          cBytes,
        );
      }
    }
  }
}

/** A block of rows against a block of panels; `panelDepth` is the depth of the whole packed matrix. */
function blockProduct<T>(
  rows: i32,
  columns: i32,
  terms: i32,
  panelDepth: i32,
  a: usize,
  aStride: usize,
  b: usize,
  start: usize,
  startStride: usize,
  c: usize,
  cStride: usize,
): void {
  const width = panelColumns<T>();
  for (let column = 0; column < columns; column += width) {
    panelProduct<T>(rows, columns - column, terms, a, aStride, b, start, startStride, c, cStride);
    b = at<T>(b, width * panelDepth);
    start = at<T>(start, width);
    c = at<T>(c, width);
  }
}

/**
 * C[m, n] += Aᵀ B summed over `rows` rows, A being T[rows, m] and B T[rows, n]: the gradient of a weight.
 *
 * @param panels scratch of packedElements(n, block depth) elements
 */
export function gemmTn<T>(
  rows: i32,
  m: i32,
  n: i32,
  a: usize,
  aStride: i32,
  b: usize,
  bStride: i32,
  c: usize,
  cStride: i32,
  panels: usize,
): void {
  const depth = blockDepth<T>();
  const packedBytes = at<T>(0, depth);
  const cBytes = at<T>(0, cStride);
  for (let k = 0; k < rows; k += depth) {
    const terms = min(depth, rows - k);
    packPlain<T>(n, terms, at<T>(b, k * bStride), bStride, panels);
    for (let i = 0; i < m; i += BLOCK_ROWS) {
      const height = min(BLOCK_ROWS, m - i);
      transposeInto<T>(terms, height, at<T>(a, k * aStride + i), aStride, PACKED_ROWS, depth);
      const cBlock = at<T>(c, i * cStride);
      blockProduct<T>(height, n, terms, terms, PACKED_ROWS, packedBytes, panels, cBlock, cBytes, cBlock, cBytes);
    }
  }
}

/** Elements that a packed matrix of `columns` x `depth` takes. */
export function packedElements<T>(columns: i32, depth: i32): i32 {
  const width = panelColumns<T>();
  return ((columns + width - 1) / width) * width * depth;
}

/** Elements of scratch that `gemmTn` needs for n columns. */
export function gemmTnScratch<T>(n: i32): i32 {
  return packedElements<T>(n, blockDepth<T>());
}
