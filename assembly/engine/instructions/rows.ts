/** Rows summed, moved, cleared, normalised and dropped from. */
import { dropout } from "../../ops/dropout";
import { FOLD_ROWS, columnSum, rowSum } from "../../ops/reduce";
import { softmax } from "../../ops/softmax";
import { place } from "../../ops/view";
import { at } from "../../simd";
import { foldFull, foldLowest } from "../folds";
import { address, batch, drops, key0, key1, rows, rowsOf, step } from "../frame";
import { Instruction } from "./instruction";

/** dst[columns] += the sum over rows of a. */
@unmanaged
export class ColumnSum extends Instruction {
  dst: i32;
  total: i32; // what dst is a part of, or dst itself
  a: i32;
  columns: i32;
  rows: i32;

  run(): void {
    const rows = rowsOf(this.rows);
    const columns = this.columns;
    const dst = address(this.dst);
    const a = address(this.a);
    for (let i = 0; i < rows; i += FOLD_ROWS) {
      if (i > 0) foldLowest(columns, dst, address(this.total));
      columnSum(min(FOLD_ROWS, rows - i), columns, at(a, i * columns), dst);
    }
  }
}

/** Parts of a sum that are full are added to what is above them. */
@unmanaged
export class Fold extends Instruction {
  total: i32;
  parts: i32;
  elements: i32;

  run(): void {
    foldFull(this.elements, address(this.parts), address(this.total));
  }
}

/** dst[rows] = the sum over columns of a. */
@unmanaged
export class RowSum extends Instruction {
  dst: i32;
  a: i32;
  columns: i32;
  rows: i32;

  run(): void {
    rowSum(rowsOf(this.rows), this.columns, address(this.a), address(this.dst));
  }
}

/** dst = 0. */
@unmanaged
export class Zero extends Instruction {
  dst: i32;
  elements: i32;

  run(): void {
    memory.fill(address(this.dst), 0, at(0, this.elements));
  }
}

/** dst = 0 in its rows. */
@unmanaged
export class ClearRows extends Instruction {
  dst: i32;
  columns: i32;
  rows: i32;

  run(): void {
    memory.fill(address(this.dst), 0, at(0, rowsOf(this.rows) * this.columns));
  }
}

/** a's columns inside dst's. */
@unmanaged
export class Place extends Instruction {
  dst: i32;
  a: i32;
  columns: i32;
  dstColumns: i32;
  dstOffset: i32;
  rows: i32;

  run(): void {
    place(rowsOf(this.rows), this.columns, this.dstColumns, this.dstOffset, address(this.a), address(this.dst));
  }
}

/** dst = softmax(a), row by row, or its logarithm. */
@unmanaged
export class Softmax extends Instruction {
  dst: i32;
  a: i32;
  columns: i32;
  rows: i32;
  logarithm: i32; // 1: its logarithm

  run(): void {
    softmax(rowsOf(this.rows), this.columns, this.logarithm != 0, address(this.a), address(this.dst));
  }
}

/** A copy where dropout is off. */
@unmanaged
export class Dropout extends Instruction {
  dst: i32;
  a: i32;
  columns: i32;
  stream: i32;
  probability: f64;

  run(): void {
    const columns = this.columns;
    const a = address(this.a);
    const dst = address(this.dst);
    if (drops) dropout(rows, columns, batch, step, this.stream, this.probability, key0, key1, a, dst);
    else memory.copy(dst, a, at(0, rows * columns));
  }
}
