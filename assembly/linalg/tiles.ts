/**
 * Register tiles of the matrix product: `tile<rows>x<vectors>` gives C (rows x vectors) as start plus A (rows x depth)
 * times one, two or four packed panels of B. Accumulators take the terms in order of k, one at a time, so that every
 * tile shape gives an element the same bits.
 *
 * a: rows of A, `aStride` bytes apart, contiguous in k. b: a panel, PANEL_VECTORS vectors for each k.
 * start: rows `startStride` bytes apart, 0 for the same row everywhere; may be c. c: rows of C, `cStride` bytes apart.
 * Fifteen vector registers are usable: 5x2 is the largest tile that does not spill with mul+add, 6x2 with a fused madd.
 */
import { Real } from "real";
import { PANEL_VECTORS } from "../memory";
import { VECTOR_BYTES, loadSplat, madd } from "../simd";

const PANEL_BYTES: usize = PANEL_VECTORS * VECTOR_BYTES;

/** C[4, 2 vectors] = start + A[4, depth] * one panel. */
export function tile4x2(
  depth: i32,
  a: usize,
  aStride: usize,
  b: usize,
  start: usize,
  startStride: usize,
  c: usize,
  cStride: usize,
): void {
  const start1 = start + startStride;
  const start2 = start1 + startStride;
  const start3 = start2 + startStride;
  let acc0x0 = v128.load(start);
  let acc0x1 = v128.load(start, 16);
  let acc1x0 = v128.load(start1);
  let acc1x1 = v128.load(start1, 16);
  let acc2x0 = v128.load(start2);
  let acc2x1 = v128.load(start2, 16);
  let acc3x0 = v128.load(start3);
  let acc3x1 = v128.load(start3, 16);
  let a1 = a + aStride;
  let a2 = a1 + aStride;
  let a3 = a2 + aStride;
  const end = b + <usize>depth * PANEL_BYTES;
  while (b < end) {
    const bv0 = v128.load(b);
    const bv1 = v128.load(b, 16);
    const av0 = loadSplat(a);
    acc0x0 = madd(av0, bv0, acc0x0);
    acc0x1 = madd(av0, bv1, acc0x1);
    const av1 = loadSplat(a1);
    acc1x0 = madd(av1, bv0, acc1x0);
    acc1x1 = madd(av1, bv1, acc1x1);
    const av2 = loadSplat(a2);
    acc2x0 = madd(av2, bv0, acc2x0);
    acc2x1 = madd(av2, bv1, acc2x1);
    const av3 = loadSplat(a3);
    acc3x0 = madd(av3, bv0, acc3x0);
    acc3x1 = madd(av3, bv1, acc3x1);
    a += sizeof<Real>();
    a1 += sizeof<Real>();
    a2 += sizeof<Real>();
    a3 += sizeof<Real>();
    b += PANEL_BYTES;
  }
  const c1 = c + cStride;
  const c2 = c1 + cStride;
  const c3 = c2 + cStride;
  v128.store(c, acc0x0);
  v128.store(c, acc0x1, 16);
  v128.store(c1, acc1x0);
  v128.store(c1, acc1x1, 16);
  v128.store(c2, acc2x0);
  v128.store(c2, acc2x1, 16);
  v128.store(c3, acc3x0);
  v128.store(c3, acc3x1, 16);
}

/** C[5, 2 vectors] = start + A[5, depth] * one panel. */
export function tile5x2(
  depth: i32,
  a: usize,
  aStride: usize,
  b: usize,
  start: usize,
  startStride: usize,
  c: usize,
  cStride: usize,
): void {
  const start1 = start + startStride;
  const start2 = start1 + startStride;
  const start3 = start2 + startStride;
  const start4 = start3 + startStride;
  let acc0x0 = v128.load(start);
  let acc0x1 = v128.load(start, 16);
  let acc1x0 = v128.load(start1);
  let acc1x1 = v128.load(start1, 16);
  let acc2x0 = v128.load(start2);
  let acc2x1 = v128.load(start2, 16);
  let acc3x0 = v128.load(start3);
  let acc3x1 = v128.load(start3, 16);
  let acc4x0 = v128.load(start4);
  let acc4x1 = v128.load(start4, 16);
  let a1 = a + aStride;
  let a2 = a1 + aStride;
  let a3 = a2 + aStride;
  let a4 = a3 + aStride;
  const end = b + <usize>depth * PANEL_BYTES;
  while (b < end) {
    const bv0 = v128.load(b);
    const bv1 = v128.load(b, 16);
    const av0 = loadSplat(a);
    acc0x0 = madd(av0, bv0, acc0x0);
    acc0x1 = madd(av0, bv1, acc0x1);
    const av1 = loadSplat(a1);
    acc1x0 = madd(av1, bv0, acc1x0);
    acc1x1 = madd(av1, bv1, acc1x1);
    const av2 = loadSplat(a2);
    acc2x0 = madd(av2, bv0, acc2x0);
    acc2x1 = madd(av2, bv1, acc2x1);
    const av3 = loadSplat(a3);
    acc3x0 = madd(av3, bv0, acc3x0);
    acc3x1 = madd(av3, bv1, acc3x1);
    const av4 = loadSplat(a4);
    acc4x0 = madd(av4, bv0, acc4x0);
    acc4x1 = madd(av4, bv1, acc4x1);
    a += sizeof<Real>();
    a1 += sizeof<Real>();
    a2 += sizeof<Real>();
    a3 += sizeof<Real>();
    a4 += sizeof<Real>();
    b += PANEL_BYTES;
  }
  const c1 = c + cStride;
  const c2 = c1 + cStride;
  const c3 = c2 + cStride;
  const c4 = c3 + cStride;
  v128.store(c, acc0x0);
  v128.store(c, acc0x1, 16);
  v128.store(c1, acc1x0);
  v128.store(c1, acc1x1, 16);
  v128.store(c2, acc2x0);
  v128.store(c2, acc2x1, 16);
  v128.store(c3, acc3x0);
  v128.store(c3, acc3x1, 16);
  v128.store(c4, acc4x0);
  v128.store(c4, acc4x1, 16);
}

/** C[6, 2 vectors] = start + A[6, depth] * one panel. */
export function tile6x2(
  depth: i32,
  a: usize,
  aStride: usize,
  b: usize,
  start: usize,
  startStride: usize,
  c: usize,
  cStride: usize,
): void {
  const start1 = start + startStride;
  const start2 = start1 + startStride;
  const start3 = start2 + startStride;
  const start4 = start3 + startStride;
  const start5 = start4 + startStride;
  let acc0x0 = v128.load(start);
  let acc0x1 = v128.load(start, 16);
  let acc1x0 = v128.load(start1);
  let acc1x1 = v128.load(start1, 16);
  let acc2x0 = v128.load(start2);
  let acc2x1 = v128.load(start2, 16);
  let acc3x0 = v128.load(start3);
  let acc3x1 = v128.load(start3, 16);
  let acc4x0 = v128.load(start4);
  let acc4x1 = v128.load(start4, 16);
  let acc5x0 = v128.load(start5);
  let acc5x1 = v128.load(start5, 16);
  let a1 = a + aStride;
  let a2 = a1 + aStride;
  let a3 = a2 + aStride;
  let a4 = a3 + aStride;
  let a5 = a4 + aStride;
  const end = b + <usize>depth * PANEL_BYTES;
  while (b < end) {
    const bv0 = v128.load(b);
    const bv1 = v128.load(b, 16);
    const av0 = loadSplat(a);
    acc0x0 = madd(av0, bv0, acc0x0);
    acc0x1 = madd(av0, bv1, acc0x1);
    const av1 = loadSplat(a1);
    acc1x0 = madd(av1, bv0, acc1x0);
    acc1x1 = madd(av1, bv1, acc1x1);
    const av2 = loadSplat(a2);
    acc2x0 = madd(av2, bv0, acc2x0);
    acc2x1 = madd(av2, bv1, acc2x1);
    const av3 = loadSplat(a3);
    acc3x0 = madd(av3, bv0, acc3x0);
    acc3x1 = madd(av3, bv1, acc3x1);
    const av4 = loadSplat(a4);
    acc4x0 = madd(av4, bv0, acc4x0);
    acc4x1 = madd(av4, bv1, acc4x1);
    const av5 = loadSplat(a5);
    acc5x0 = madd(av5, bv0, acc5x0);
    acc5x1 = madd(av5, bv1, acc5x1);
    a += sizeof<Real>();
    a1 += sizeof<Real>();
    a2 += sizeof<Real>();
    a3 += sizeof<Real>();
    a4 += sizeof<Real>();
    a5 += sizeof<Real>();
    b += PANEL_BYTES;
  }
  const c1 = c + cStride;
  const c2 = c1 + cStride;
  const c3 = c2 + cStride;
  const c4 = c3 + cStride;
  const c5 = c4 + cStride;
  v128.store(c, acc0x0);
  v128.store(c, acc0x1, 16);
  v128.store(c1, acc1x0);
  v128.store(c1, acc1x1, 16);
  v128.store(c2, acc2x0);
  v128.store(c2, acc2x1, 16);
  v128.store(c3, acc3x0);
  v128.store(c3, acc3x1, 16);
  v128.store(c4, acc4x0);
  v128.store(c4, acc4x1, 16);
  v128.store(c5, acc5x0);
  v128.store(c5, acc5x1, 16);
}
