/** The dispatch over instructions: the one `switch` of the engine. */
import { recordAt } from "../simd";
import * as format from "./format";
import { Chain } from "./instructions/chain";
import { GruGates, GruGatesAdjoint, LstmGates, LstmGatesAdjoint } from "./instructions/gates";
import { Instruction } from "./instructions/instruction";
import { Solve, Transpose } from "./instructions/matrices";
import { BatchMatmul, Gemm, GemmTn, Pack } from "./instructions/products";
import { ClearRows, ColumnSum, Dropout, Fold, Place, RowSum, Softmax, Zero } from "./instructions/rows";
import { Segment, Unit } from "./records";

/** Runs a segment of a unit's program, SEGMENT_PARAMETERS or another, at the steps that the frame addresses. */
export function runSegment(unit: Unit, index: i32): void {
  const segment = recordAt<Segment>(unit.program, index);
  execute(segment.code, segment.words);
}

/** Runs the instructions of one segment. */
export function execute(code: usize, words: i32): void {
  const end = code + <usize>words * format.WORD_BYTES;
  while (code < end) {
    run(code);
    code += <usize>changetype<Instruction>(code).words * format.WORD_BYTES;
  }
}

/** An instruction as its class, which lists as many operands as the bindings write: the debug build asserts it. */
// @ts-ignore: decorator
@inline
function as<T>(code: usize): T {
  // a load stays where its assertion is dropped
  if (!ASC_NO_ASSERT) assert(<usize>changetype<Instruction>(code).words * format.WORD_BYTES == offsetof<T>());
  return changetype<T>(code);
}

function run(code: usize): void {
  switch (changetype<Instruction>(code).op) {
    case format.OP_CHAIN:
      return changetype<Chain>(code).run();
    case format.OP_GEMM:
      return as<Gemm>(code).run();
    case format.OP_GEMM_TN:
      return as<GemmTn>(code).run();
    case format.OP_COLUMN_SUM:
      return as<ColumnSum>(code).run();
    case format.OP_ROW_SUM:
      return as<RowSum>(code).run();
    case format.OP_PACK:
      return as<Pack>(code).run();
    case format.OP_ZERO:
      return as<Zero>(code).run();
    case format.OP_PLACE:
      return as<Place>(code).run();
    case format.OP_CLEAR_ROWS:
      return as<ClearRows>(code).run();
    case format.OP_TRANSPOSE:
      return as<Transpose>(code).run();
    case format.OP_SOFTMAX:
      return as<Softmax>(code).run();
    case format.OP_LSTM_GATES:
      return as<LstmGates>(code).run();
    case format.OP_LSTM_GATES_ADJOINT:
      return as<LstmGatesAdjoint>(code).run();
    case format.OP_GRU_GATES:
      return as<GruGates>(code).run();
    case format.OP_GRU_GATES_ADJOINT:
      return as<GruGatesAdjoint>(code).run();
    case format.OP_DROPOUT:
      return as<Dropout>(code).run();
    case format.OP_SOLVE:
      return as<Solve>(code).run();
    case format.OP_BATCH_MATMUL:
      return as<BatchMatmul>(code).run();
    case format.OP_FOLD:
      return as<Fold>(code).run();
    default:
      assert(false, "opcode");
  }
}
