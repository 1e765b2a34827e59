/** What follows from parameters alone: whole matrices. */
import { transposeInto } from "../../linalg/pack";
import { solve } from "../../linalg/solve";
import { address } from "../frame";
import { Instruction } from "./instruction";

/** dst[columns, rows] = aᵀ. */
@unmanaged
export class Transpose extends Instruction {
  dst: i32;
  a: i32;
  rows: i32;
  columns: i32;

  run(): void {
    transposeInto(this.rows, this.columns, address(this.a), this.columns, address(this.dst), this.rows);
  }
}

/** dst[n, m] = a⁻¹ b. */
@unmanaged
export class Solve extends Instruction {
  dst: i32;
  a: i32;
  b: i32;
  n: i32;
  m: i32;
  scratch: i32;

  run(): void {
    solve(this.n, this.m, address(this.a), address(this.b), address(this.scratch), address(this.dst));
  }
}
