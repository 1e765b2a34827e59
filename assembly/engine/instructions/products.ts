/** Matrix products, and what they need beforehand. */
import { gemmPacked, gemmTn } from "../../linalg/gemm";
import { packPlain, packTransposed } from "../../linalg/pack";
import { FOLD_ROWS } from "../../ops/reduce";
import { batchMatmul } from "../../ops/batch-matmul";
import { at } from "../../simd";
import { START_COPY, START_VECTOR, START_ZERO } from "../format";
import { foldLowest } from "../folds";
import { address, rowsOf } from "../frame";
import { Instruction } from "./instruction";

/** dst = start + a B. */
@unmanaged
export class Gemm extends Instruction {
  dst: i32;
  a: i32;
  packed: i32; // B
  columns: i32;
  depth: i32;
  start: i32; // START_ZERO or another
  startValue: i32;
  rows: i32;

  run(): void {
    const rows = rowsOf(this.rows);
    const columns = this.columns;
    const dst = address(this.dst);
    if (this.start == START_ZERO) memory.fill(dst, 0, at(0, rows * columns));
    const isElsewhere = this.start == START_VECTOR || this.start == START_COPY;
    const start = isElsewhere ? address(this.startValue) : dst;
    const stride = this.start == START_VECTOR ? 0 : columns;
    const depth = this.depth;
    gemmPacked(rows, columns, depth, address(this.a), depth, address(this.packed), start, stride, dst, columns);
  }
}

/** dst[m, n] += aᵀ b. */
@unmanaged
export class GemmTn extends Instruction {
  dst: i32;
  total: i32; // what dst is a part of, or dst itself
  a: i32;
  b: i32;
  m: i32;
  n: i32;
  panels: i32; // scratch
  rows: i32;

  run(): void {
    const m = this.m;
    const n = this.n;
    const rows = rowsOf(this.rows);
    const a = address(this.a);
    const b = address(this.b);
    const dst = address(this.dst);
    for (let i = 0; i < rows; i += FOLD_ROWS) {
      if (i > 0) foldLowest(m * n, dst, address(this.total));
      const part = min(FOLD_ROWS, rows - i);
      gemmTn(part, m, n, at(a, i * m), m, at(b, i * n), n, dst, n, address(this.panels));
    }
  }
}

/** A weight in the form that `Gemm` reads. */
@unmanaged
export class Pack extends Instruction {
  dst: i32;
  weight: i32;
  columns: i32;
  depth: i32;
  stride: i32; // between the rows of the weight
  transposed: i32; // 1: B is the weight's transpose

  run(): void {
    if (this.transposed) packTransposed(this.columns, this.depth, address(this.weight), this.stride, address(this.dst));
    else packPlain(this.columns, this.depth, address(this.weight), this.stride, address(this.dst));
  }
}

/** dst[m, n] = a b, row by row: products of small matrices. */
@unmanaged
export class BatchMatmul extends Instruction {
  dst: i32;
  a: i32; // [m, k], or its transpose
  b: i32; // [k, n], or its transpose
  m: i32;
  k: i32;
  n: i32;
  aTransposed: i32;
  bTransposed: i32;
  scratch: i32;
  rows: i32;

  run(): void {
    batchMatmul(
      rowsOf(this.rows),
      this.m,
      this.k,
      this.n,
      this.aTransposed != 0,
      this.bTransposed != 0,
      address(this.a),
      address(this.b),
      address(this.scratch),
      address(this.dst),
    );
  }
}
