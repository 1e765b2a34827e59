/**
 * Fixed scratch areas of the core. Everything else is planned and owned by the bindings, which place their
 * own memory from `__heap_base` on; the core allocates nothing.
 */
import { VECTOR_BYTES } from "./simd";

/** Width of a packed panel, in vectors. */
export const PANEL_VECTORS: i32 = 2;

/** Rows of A that stay in the first-level cache while the panels of B stream past them: a multiple of 4, 5 and 6. */
export const BLOCK_ROWS: i32 = 30;

/** Bytes of one row of a block of A, and so of the depth of a block: 256 float32 or 128 float64. */
export const BLOCK_DEPTH_BYTES: i32 = 1024;

/** Elements in the tile that a chain of elementwise operations works on: all its tiles take 12 KB of the first-level cache in float32, 24 KB in float64. */
export const CHAIN_ELEMENTS: i32 = 256;

/** Tiles a chain may hold intermediate values in. */
export const CHAIN_TILES: i32 = 12;

/** Where a tile that hangs over the right edge of C is computed before its valid columns are copied. */
export const EDGE_TILE: usize = memory.data(6 * 2 * 16, 16);

/** One panel's row of zeros, from which sums start. */
export const ZERO_ROW: usize = memory.data(2 * 16, 16);

/** Packed block of a transposed A: BLOCK_ROWS rows of BLOCK_DEPTH_BYTES, and one vector of slack. */
export const PACKED_ROWS: usize = memory.data(30 * 1024 + 16, 16);

/** The tiles of elementwise chains, CHAIN_ELEMENTS each (sized for float64), and one vector of slack. */
export const CHAIN_SCRATCH: usize = memory.data(12 * 256 * 8 + 16, 16);

/** Where a chain computes the last vectors of a value before the valid elements are copied to it. */
export const SPARE_TILE: usize = memory.data(256 * 8 + 16, 16);

/** Where the last, partial vector of a store is computed before its valid elements are copied. */
export const TAIL_SCRATCH: usize = memory.data(8 * VECTOR_BYTES, 16);
