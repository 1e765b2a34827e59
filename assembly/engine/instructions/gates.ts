/** Gates of a cell in one pass, at the steps addressed. */
import { gruGates, gruGatesAdjoint } from "../../ops/gru-gates";
import { lstmGates, lstmGatesAdjoint } from "../../ops/lstm-gates";
import { address, rows } from "../frame";
import { Instruction } from "./instruction";

/** See ops/lstm-gates.ts, as of the next. */
@unmanaged
export class LstmGates extends Instruction {
  hidden: i32;
  cell: i32;
  gates: i32;
  tanhCell: i32;
  a: i32;
  previousCell: i32;
  H: i32;

  run(): void {
    lstmGates(
      rows,
      this.H,
      address(this.a),
      address(this.previousCell),
      address(this.gates),
      address(this.cell),
      address(this.tanhCell),
      address(this.hidden),
    );
  }
}


@unmanaged
export class LstmGatesAdjoint extends Instruction {
  dA: i32;
  dPreviousCell: i32;
  gates: i32;
  previousCell: i32;
  tanhCell: i32;
  dHidden: i32;
  dCell: i32;
  H: i32;

  run(): void {
    lstmGatesAdjoint(
      rows,
      this.H,
      address(this.gates),
      address(this.previousCell),
      address(this.tanhCell),
      address(this.dHidden),
      address(this.dCell),
      address(this.dA),
      address(this.dPreviousCell),
    );
  }
}

/** See ops/gru-gates.ts, as of the next. */
@unmanaged
export class GruGates extends Instruction {
  hidden: i32;
  gates: i32;
  gi: i32;
  gh: i32;
  previousHidden: i32;
  H: i32;

  run(): void {
    gruGates(
      rows,
      this.H,
      address(this.gi),
      address(this.gh),
      address(this.previousHidden),
      address(this.gates),
      address(this.hidden),
    );
  }
}


@unmanaged
export class GruGatesAdjoint extends Instruction {
  dGi: i32;
  dGh: i32;
  dPreviousHidden: i32;
  gates: i32;
  gh: i32;
  previousHidden: i32;
  dHidden: i32;
  H: i32;

  run(): void {
    gruGatesAdjoint(
      rows,
      this.H,
      address(this.gates),
      address(this.gh),
      address(this.previousHidden),
      address(this.dHidden),
      address(this.dGi),
      address(this.dGh),
      address(this.dPreviousHidden),
    );
  }
}
