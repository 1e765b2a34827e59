/** Tiles of one to three rows, which take several panels at once where they can: see tiles.ts. */
import { Real } from "real";
import { PANEL_VECTORS } from "../memory";
import { VECTOR_BYTES, loadSplat, madd } from "../simd";

const PANEL_BYTES: usize = PANEL_VECTORS * VECTOR_BYTES;

/** C[1, 2 vectors] = start + A[1, depth] * one panel. */
export function tile1x2(
  depth: i32,
  a: usize,
  aStride: usize,
  b: usize,
  start: usize,
  startStride: usize,
  c: usize,
  cStride: usize,
): void {
  let acc0x0 = v128.load(start);
  let acc0x1 = v128.load(start, 16);
  const end = b + <usize>depth * PANEL_BYTES;
  while (b < end) {
    const av0 = loadSplat(a);
    const bv0 = v128.load(b);
    acc0x0 = madd(av0, bv0, acc0x0);
    const bv1 = v128.load(b, 16);
    acc0x1 = madd(av0, bv1, acc0x1);
    a += sizeof<Real>();
    b += PANEL_BYTES;
  }
  v128.store(c, acc0x0);
  v128.store(c, acc0x1, 16);
}

/** C[1, 4 vectors] = start + A[1, depth] * two panels, the second `panelStride` bytes after the first. */
export function tile1x4(
  depth: i32,
  a: usize,
  aStride: usize,
  b: usize,
  panelStride: usize,
  start: usize,
  startStride: usize,
  c: usize,
  cStride: usize,
): void {
  let acc0x0 = v128.load(start);
  let acc0x1 = v128.load(start, 16);
  let acc0x2 = v128.load(start, 32);
  let acc0x3 = v128.load(start, 48);
  let b1 = b + panelStride;
  const end = b + <usize>depth * PANEL_BYTES;
  while (b < end) {
    const av0 = loadSplat(a);
    const bv0 = v128.load(b);
    acc0x0 = madd(av0, bv0, acc0x0);
    const bv1 = v128.load(b, 16);
    acc0x1 = madd(av0, bv1, acc0x1);
    const bv2 = v128.load(b1);
    acc0x2 = madd(av0, bv2, acc0x2);
    const bv3 = v128.load(b1, 16);
    acc0x3 = madd(av0, bv3, acc0x3);
    a += sizeof<Real>();
    b += PANEL_BYTES;
    b1 += PANEL_BYTES;
  }
  v128.store(c, acc0x0);
  v128.store(c, acc0x1, 16);
  v128.store(c, acc0x2, 32);
  v128.store(c, acc0x3, 48);
}

/** C[1, 8 vectors] = start + A[1, depth] * four panels, `panelStride` bytes from one to the next. */
export function tile1x8(depth: i32, a: usize, b: usize, panelStride: usize, start: usize, c: usize): void {
  let acc0x0 = v128.load(start);
  let acc0x1 = v128.load(start, 16);
  let acc0x2 = v128.load(start, 32);
  let acc0x3 = v128.load(start, 48);
  let acc0x4 = v128.load(start, 64);
  let acc0x5 = v128.load(start, 80);
  let acc0x6 = v128.load(start, 96);
  let acc0x7 = v128.load(start, 112);
  let b1 = b + panelStride;
  let b2 = b1 + panelStride;
  let b3 = b2 + panelStride;
  const end = b + <usize>depth * PANEL_BYTES;
  while (b < end) {
    const av0 = loadSplat(a);
    acc0x0 = madd(av0, v128.load(b), acc0x0);
    acc0x1 = madd(av0, v128.load(b, 16), acc0x1);
    acc0x2 = madd(av0, v128.load(b1), acc0x2);
    acc0x3 = madd(av0, v128.load(b1, 16), acc0x3);
    acc0x4 = madd(av0, v128.load(b2), acc0x4);
    acc0x5 = madd(av0, v128.load(b2, 16), acc0x5);
    acc0x6 = madd(av0, v128.load(b3), acc0x6);
    acc0x7 = madd(av0, v128.load(b3, 16), acc0x7);
    a += sizeof<Real>();
    b += PANEL_BYTES;
    b1 += PANEL_BYTES;
    b2 += PANEL_BYTES;
    b3 += PANEL_BYTES;
  }
  v128.store(c, acc0x0);
  v128.store(c, acc0x1, 16);
  v128.store(c, acc0x2, 32);
  v128.store(c, acc0x3, 48);
  v128.store(c, acc0x4, 64);
  v128.store(c, acc0x5, 80);
  v128.store(c, acc0x6, 96);
  v128.store(c, acc0x7, 112);
}

/** C[2, 2 vectors] = start + A[2, depth] * one panel. */
export function tile2x2(
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
  let acc0x0 = v128.load(start);
  let acc0x1 = v128.load(start, 16);
  let acc1x0 = v128.load(start1);
  let acc1x1 = v128.load(start1, 16);
  let a1 = a + aStride;
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
    a += sizeof<Real>();
    a1 += sizeof<Real>();
    b += PANEL_BYTES;
  }
  const c1 = c + cStride;
  v128.store(c, acc0x0);
  v128.store(c, acc0x1, 16);
  v128.store(c1, acc1x0);
  v128.store(c1, acc1x1, 16);
}

/** C[2, 4 vectors] = start + A[2, depth] * two panels, the second `panelStride` bytes after the first. */
export function tile2x4(
  depth: i32,
  a: usize,
  aStride: usize,
  b: usize,
  panelStride: usize,
  start: usize,
  startStride: usize,
  c: usize,
  cStride: usize,
): void {
  const start1 = start + startStride;
  let acc0x0 = v128.load(start);
  let acc0x1 = v128.load(start, 16);
  let acc0x2 = v128.load(start, 32);
  let acc0x3 = v128.load(start, 48);
  let acc1x0 = v128.load(start1);
  let acc1x1 = v128.load(start1, 16);
  let acc1x2 = v128.load(start1, 32);
  let acc1x3 = v128.load(start1, 48);
  let a1 = a + aStride;
  let b1 = b + panelStride;
  const end = b + <usize>depth * PANEL_BYTES;
  while (b < end) {
    const av0 = loadSplat(a);
    const av1 = loadSplat(a1);
    const bv0 = v128.load(b);
    acc0x0 = madd(av0, bv0, acc0x0);
    acc1x0 = madd(av1, bv0, acc1x0);
    const bv1 = v128.load(b, 16);
    acc0x1 = madd(av0, bv1, acc0x1);
    acc1x1 = madd(av1, bv1, acc1x1);
    const bv2 = v128.load(b1);
    acc0x2 = madd(av0, bv2, acc0x2);
    acc1x2 = madd(av1, bv2, acc1x2);
    const bv3 = v128.load(b1, 16);
    acc0x3 = madd(av0, bv3, acc0x3);
    acc1x3 = madd(av1, bv3, acc1x3);
    a += sizeof<Real>();
    a1 += sizeof<Real>();
    b += PANEL_BYTES;
    b1 += PANEL_BYTES;
  }
  const c1 = c + cStride;
  v128.store(c, acc0x0);
  v128.store(c, acc0x1, 16);
  v128.store(c, acc0x2, 32);
  v128.store(c, acc0x3, 48);
  v128.store(c1, acc1x0);
  v128.store(c1, acc1x1, 16);
  v128.store(c1, acc1x2, 32);
  v128.store(c1, acc1x3, 48);
}

/** C[3, 2 vectors] = start + A[3, depth] * one panel. */
export function tile3x2(
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
  let acc0x0 = v128.load(start);
  let acc0x1 = v128.load(start, 16);
  let acc1x0 = v128.load(start1);
  let acc1x1 = v128.load(start1, 16);
  let acc2x0 = v128.load(start2);
  let acc2x1 = v128.load(start2, 16);
  let a1 = a + aStride;
  let a2 = a1 + aStride;
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
    a += sizeof<Real>();
    a1 += sizeof<Real>();
    a2 += sizeof<Real>();
    b += PANEL_BYTES;
  }
  const c1 = c + cStride;
  const c2 = c1 + cStride;
  v128.store(c, acc0x0);
  v128.store(c, acc0x1, 16);
  v128.store(c1, acc1x0);
  v128.store(c1, acc1x1, 16);
  v128.store(c2, acc2x0);
  v128.store(c2, acc2x1, 16);
}
