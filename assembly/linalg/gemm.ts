/**
 * Matrix products C = start + A B over packed panels of B. Each element of C takes its terms in order of k, from
 * its start on, whatever the number of rows and the blocking: the same bits for a row alone and in a batch.
 */
import { Real } from "real";
import { BLOCK_DEPTH_BYTES, BLOCK_ROWS, EDGE_TILE, PACKED_ROWS, PANEL_VECTORS, ZERO_ROW } from "../memory";
import { VECTOR_BYTES, add, at } from "../simd";
import { PANEL_COLUMNS, packPlain, transposeInto } from "./pack";
import { tile1x2, tile1x4, tile1x8, tile2x2, tile2x4, tile3x2 } from "./thin-tiles";
import { tile4x2, tile5x2, tile6x2 } from "./tiles";

/** Columns of B kept in the second-level cache at a time. */
const BLOCK_COLUMNS: i32 = 256;

/** Tallest tile that does not spill: see tiles.ts. */
const TALL_TILE: i32 = ASC_FEATURE_RELAXED_SIMD ? 6 : 5;

const BLOCK_DEPTH: i32 = BLOCK_DEPTH_BYTES / sizeof<Real>();

/** Height of the next tile when `rows` are left: full tiles and tiles one lower, so that no thin one remains. */
// @ts-ignore: decorator
@inline
function tileHeight(rows: i32): i32 {
  if (rows % TALL_TILE == 0) return TALL_TILE;
  if (rows < 4) return rows;
  if (rows == 6) return 3;
  if (TALL_TILE == 6 && rows > 8) return 5;
  return TALL_TILE == 6 && rows == 5 ? 5 : 4;
}

// @ts-ignore: decorator
@inline
function tile(
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
  if (height == 5) return tile5x2(depth, a, aStride, b, start, startStride, c, cStride);
  if (height == 4) return tile4x2(depth, a, aStride, b, start, startStride, c, cStride);
  if (height == 3) return tile3x2(depth, a, aStride, b, start, startStride, c, cStride);
  if (height == 2) return tile2x2(depth, a, aStride, b, start, startStride, c, cStride);
  if (ASC_FEATURE_RELAXED_SIMD && height == 6) return tile6x2(depth, a, aStride, b, start, startStride, c, cStride);
  tile1x2(depth, a, aStride, b, start, startStride, c, cStride);
}

/** A tile of which only `valid` columns exist: computed in EDGE_TILE, so that nothing beside C is written. */
function edgeTile(
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
  const bytes = at(0, valid);
  const edgeStride: usize = PANEL_VECTORS * VECTOR_BYTES;
  for (let i = 0; i < height; i++)
    memory.copy(EDGE_TILE + <usize>i * edgeStride, start + <usize>i * startStride, bytes);
  tile(height, depth, a, aStride, b, EDGE_TILE, edgeStride, EDGE_TILE, edgeStride);
  for (let i = 0; i < height; i++) memory.copy(c + <usize>i * cStride, EDGE_TILE + <usize>i * edgeStride, bytes);
}

/** All rows of a block against one panel. */
function panelProduct(
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
  const whole = valid >= PANEL_COLUMNS;
  while (rows > 0) {
    const height = tileHeight(rows);
    if (whole) tile(height, depth, a, aStride, b, start, startStride, c, cStride);
    else edgeTile(height, depth, a, aStride, b, start, startStride, c, cStride, valid);
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
function thinProduct(
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
  const width = PANEL_COLUMNS;
  const panelStride = at(0, width * depth);
  let column = 0;
  for (; rows == 1 && column + 4 * width <= columns; column += 4 * width) {
    tile1x8(depth, a, b, panelStride, start, c);
    b += 4 * panelStride;
    start = at(start, 4 * width);
    c = at(c, 4 * width);
  }
  for (; column + 2 * width <= columns; column += 2 * width) {
    if (rows == 1) tile1x4(depth, a, aStride, b, panelStride, start, startStride, c, cStride);
    else tile2x4(depth, a, aStride, b, panelStride, start, startStride, c, cStride);
    b += 2 * panelStride;
    start = at(start, 2 * width);
    c = at(c, 2 * width);
  }
  for (; column < columns; column += width) {
    panelProduct(rows, columns - column, depth, a, aStride, b, start, startStride, c, cStride);
    b += panelStride;
    start = at(start, width);
    c = at(c, width);
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
export function gemmPacked(
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
  const aBytes = at(0, aStride);
  const startBytes = at(0, startStride);
  const cBytes = at(0, cStride);
  if (rows <= 2) return thinProduct(rows, columns, depth, a, aBytes, packed, start, startBytes, c, cBytes);
  for (let column = 0; column < columns; column += BLOCK_COLUMNS) {
    const blockColumns = min(BLOCK_COLUMNS, columns - column);
    for (let k = 0; k < depth; k += BLOCK_DEPTH) {
      const terms = min(BLOCK_DEPTH, depth - k);
      for (let row = 0; row < rows; row += BLOCK_ROWS) {
        const cBlock = at(c + <usize>row * cBytes, column);
        blockProduct(
          min(BLOCK_ROWS, rows - row),
          blockColumns,
          terms,
          depth,
          at(a + <usize>row * aBytes, k),
          aBytes,
          at(packed, column * depth + k * PANEL_COLUMNS),
          k == 0 ? at(start + <usize>row * startBytes, column) : cBlock,
          k == 0 ? startBytes : cBytes,
          cBlock,
          cBytes,
        );
      }
    }
  }
}

/** A block of rows against a block of panels; `panelDepth` is the depth of the whole packed matrix. */
function blockProduct(
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
  const width = PANEL_COLUMNS;
  for (let column = 0; column < columns; column += width) {
    panelProduct(rows, columns - column, terms, a, aStride, b, start, startStride, c, cStride);
    b = at(b, width * panelDepth);
    start = at(start, width);
    c = at(c, width);
  }
}

/** C += A B, A being a block of rows and B one panel: the sum over the block's depth starts from 0, and is then added to C. */
function panelSum(
  rows: i32,
  valid: i32,
  depth: i32,
  a: usize,
  aStride: usize,
  b: usize,
  c: usize,
  cStride: usize,
): void {
  const tileStride: usize = PANEL_VECTORS * VECTOR_BYTES;
  while (rows > 0) {
    const height = tileHeight(rows);
    tile(height, depth, a, aStride, b, ZERO_ROW, 0, EDGE_TILE, tileStride);
    for (let i: usize = 0; i < <usize>height; i++) addPanelRow(valid, EDGE_TILE + i * tileStride, c + i * cStride);
    a += <usize>height * aStride;
    c += <usize>height * cStride;
    rows -= height;
  }
}

/** c += x, the first `valid` columns of a panel. */
// @ts-ignore: decorator
@inline
function addPanelRow(valid: i32, x: usize, c: usize): void {
  const whole = valid >= PANEL_COLUMNS;
  const sum = whole ? c : x;
  v128.store(sum, add(v128.load(c), v128.load(x)));
  v128.store(sum, add(v128.load(c, 16), v128.load(x, 16)), 16);
  if (!whole) memory.copy(c, x, at(0, valid));
}

/**
 * C[m, n] += Aᵀ B summed over `rows` rows, A being Real[rows, m] and B Real[rows, n]: the gradient of a weight. Rows are summed in blocks
 * of BLOCK_DEPTH, each from 0 and in order, so that many of them lose few digits.
 *
 * @param panels scratch of packedElements(n, block depth) elements
 */
export function gemmTn(
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
  const depth = BLOCK_DEPTH;
  const packedBytes = at(0, depth);
  const cBytes = at(0, cStride);
  for (let k = 0; k < rows; k += depth) {
    const terms = min(depth, rows - k);
    packPlain(n, terms, at(b, k * bStride), bStride, panels);
    for (let i = 0; i < m; i += BLOCK_ROWS) {
      const height = min(BLOCK_ROWS, m - i);
      transposeInto(terms, height, at(a, k * aStride + i), aStride, PACKED_ROWS, depth);
      const cBlock = at(c, i * cStride);
      for (let column = 0; column < n; column += PANEL_COLUMNS) {
        const panel = at(panels, column * terms);
        panelSum(height, n - column, terms, PACKED_ROWS, packedBytes, panel, at(cBlock, column), cBytes);
      }
    }
  }
}

/** Elements that a packed matrix of `columns` x `depth` takes. */
export function packedElements(columns: i32, depth: i32): i32 {
  const width = PANEL_COLUMNS;
  return ((columns + width - 1) / width) * width * depth;
}

/** Elements of scratch that `gemmTn` needs for n columns. */
export function gemmTnScratch(n: i32): i32 {
  return packedElements(n, BLOCK_DEPTH);
}
