/** Bytes, and rows of bytes, moved as they are. Strides in bytes. */
import { at } from "../simd";

export function copyBytes(dst: usize, src: usize, bytes: usize): void {
  memory.copy(dst, src, bytes);
}

export function zeroBytes(dst: usize, bytes: usize): void {
  memory.fill(dst, 0, bytes);
}

/** Copies `rows` rows of `bytes` bytes. */
export function copyRows(rows: i32, bytes: usize, src: usize, srcStride: usize, dst: usize, dstStride: usize): void {
  for (let i = 0; i < rows; i++) memory.copy(dst + <usize>i * dstStride, src + <usize>i * srcStride, bytes);
}

/** dst[o, i] = src[o, indices[i]] for rows of `bytes` bytes; src has `sourceRows` rows, `stride` bytes apart, in each of `outer` blocks. */
export function gatherRows(
  outer: i32,
  sourceRows: i32,
  rows: i32,
  bytes: usize,
  stride: usize,
  indices: usize,
  src: usize,
  dst: usize,
): void {
  for (let o = 0; o < outer; o++) {
    const block = src + <usize>o * <usize>sourceRows * stride;
    for (let i = 0; i < rows; i++) {
      memory.copy(dst, block + <usize>load<i32>(at<i32>(indices, i)) * stride, bytes);
      dst += bytes;
    }
  }
}
