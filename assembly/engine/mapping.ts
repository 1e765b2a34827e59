/**
 * A program as a map of rows, for solvers: planned for one step, run on as many rows as are in place. Running one moves
 * the frame (frame.ts): whoever solves in the midst of a call addresses its own unit and steps again.
 */
import { solveRows } from "../solvers/drive";
import { RowMap } from "../solvers/row-map";
import { Solve } from "../solvers/solve";
import { runSegment } from "./execute";
import * as format from "./format";
import { addressRows, setUnit } from "./frame";
import { Unit } from "./records";

/** All its fields are listed in bindings/equilibrium/records.ts, too. */
@unmanaged
export class Mapping extends RowMap {
  unit: Unit; // in the plan
  refresh: i32; // 1 where the parameters changed since it last ran
}

/** Finds a batch of fixed points: see solvers/solve.ts. */
export function solveFixedPoints(solve: Solve): void {
  begin(changetype<Mapping>(solve.value));
  if (solve.product && solve.product != solve.value) begin(changetype<Mapping>(solve.product));
  solveRows(solve);
}

/** Computes what follows from parameters alone, where they changed; forgets the contexts of an earlier solve. */
function begin(mapping: Mapping): void {
  mapping.run = runRows;
  mapping.placed = 0;
  if (!mapping.refresh) return;
  addressMapping(mapping, 0);
  runSegment(mapping.unit, format.SEGMENT_START);
  runSegment(mapping.unit, format.SEGMENT_PARAMETERS);
}

function runRows(map: usize, count: i32): void {
  const mapping = changetype<Mapping>(map);
  addressMapping(mapping, count);
  runSegment(mapping.unit, format.SEGMENT_PROLOGUE);
}

/** Addresses `count` rows of a mapping's values. */
export function addressMapping(mapping: Mapping, count: i32): void {
  setUnit(mapping.unit);
  addressRows(count);
}
