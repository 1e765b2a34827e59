/** The dispatch over instructions: the one `switch` of the engine. */
import { gemmPacked, gemmTn } from "../linalg/gemm";
import { packPlain, packTransposed, transposeInto } from "../linalg/pack";
import { solve } from "../linalg/solve";
import { batchMatmul } from "../ops/batch-matmul";
import { dropout } from "../ops/dropout";
import { gruGates, gruGatesAdjoint } from "../ops/gru-gates";
import { lstmGates, lstmGatesAdjoint } from "../ops/lstm-gates";
import { columnSum, rowSum } from "../ops/reduce";
import { softmax } from "../ops/softmax";
import { place } from "../ops/view";
import { at, recordAt } from "../simd";
import { runChain } from "./chain";
import * as format from "./format";
import { address, batch, drops, key0, key1, rows, rowsOf, step, word } from "./frame";
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
    instruction(code);
    code += <usize>word(code, 1) * format.WORD_BYTES;
  }
}

/** Address of the value that operand `index` names. */
// @ts-ignore: decorator
@inline
function arg(code: usize, index: i32): usize {
  return address(word(code, 2 + index));
}

/** Operand `index` itself: a size or an option. */
// @ts-ignore: decorator
@inline
function num(code: usize, index: i32): i32 {
  return word(code, 2 + index);
}

function instruction(code: usize): void {
  switch (word(code, 0)) {
    case format.OP_CHAIN:
      return runChain(code);
    case format.OP_GEMM:
      return runGemm(code);
    case format.OP_GEMM_TN:
      return gemmTn(
        rowsOf(num(code, 6)),
        num(code, 3),
        num(code, 4),
        arg(code, 1),
        num(code, 3),
        arg(code, 2),
        num(code, 4),
        arg(code, 0),
        num(code, 4),
        arg(code, 5),
      );
    case format.OP_COLUMN_SUM:
      return columnSum(rowsOf(num(code, 3)), num(code, 2), arg(code, 1), arg(code, 0));
    case format.OP_ROW_SUM:
      return rowSum(rowsOf(num(code, 3)), num(code, 2), arg(code, 1), arg(code, 0));
    case format.OP_PACK:
      if (num(code, 5)) packTransposed(num(code, 2), num(code, 3), arg(code, 1), num(code, 4), arg(code, 0));
      else packPlain(num(code, 2), num(code, 3), arg(code, 1), num(code, 4), arg(code, 0));
      return;
    case format.OP_ZERO:
      return memory.fill(arg(code, 0), 0, at(0, num(code, 1)));
    case format.OP_PLACE:
      return place(rowsOf(num(code, 5)), num(code, 2), num(code, 3), num(code, 4), arg(code, 1), arg(code, 0));
    case format.OP_CLEAR_ROWS:
      return memory.fill(arg(code, 0), 0, at(0, rowsOf(num(code, 2)) * num(code, 1)));
    case format.OP_TRANSPOSE:
      return transposeInto(num(code, 2), num(code, 3), arg(code, 1), num(code, 3), arg(code, 0), num(code, 2));
    case format.OP_SOFTMAX:
      return softmax(rowsOf(num(code, 3)), num(code, 2), num(code, 4) != 0, arg(code, 1), arg(code, 0));
    case format.OP_LSTM_GATES:
      return lstmGates(
        rows,
        num(code, 6),
        arg(code, 4),
        arg(code, 5),
        arg(code, 2),
        arg(code, 1),
        arg(code, 3),
        arg(code, 0),
      );
    case format.OP_LSTM_GATES_ADJOINT:
      return lstmGatesAdjoint(
        rows,
        num(code, 7),
        arg(code, 2),
        arg(code, 3),
        arg(code, 4),
        arg(code, 5),
        arg(code, 6),
        arg(code, 0),
        arg(code, 1),
      );
    case format.OP_GRU_GATES:
      return gruGates(rows, num(code, 5), arg(code, 2), arg(code, 3), arg(code, 4), arg(code, 1), arg(code, 0));
    case format.OP_GRU_GATES_ADJOINT:
      return gruGatesAdjoint(
        rows,
        num(code, 7),
        arg(code, 3),
        arg(code, 4),
        arg(code, 5),
        arg(code, 6),
        arg(code, 0),
        arg(code, 1),
        arg(code, 2),
      );
    case format.OP_DROPOUT:
      return runDropout(code);
    case format.OP_SOLVE:
      solve(num(code, 3), num(code, 4), arg(code, 1), arg(code, 2), arg(code, 5), arg(code, 0));
      return;
    case format.OP_BATCH_MATMUL:
      return batchMatmul(
        rowsOf(num(code, 9)),
        num(code, 3),
        num(code, 4),
        num(code, 5),
        num(code, 6) != 0,
        num(code, 7) != 0,
        arg(code, 1),
        arg(code, 2),
        arg(code, 8),
        arg(code, 0),
      );
    default:
      assert(false, "opcode");
  }
}

function runDropout(code: usize): void {
  const columns = num(code, 2);
  if (!drops) return memory.copy(arg(code, 0), arg(code, 1), at(0, rows * columns));
  const probability = load<f64>(code + 6 * format.WORD_BYTES);
  dropout(rows, columns, batch, step, num(code, 3), probability, key0, key1, arg(code, 1), arg(code, 0));
}

function runGemm(code: usize): void {
  const height = rowsOf(num(code, 7));
  const columns = num(code, 3);
  const depth = num(code, 4);
  const dst = arg(code, 0);
  const kind = num(code, 5);
  if (kind == format.START_ZERO) memory.fill(dst, 0, at(0, height * columns));
  const isElsewhere = kind == format.START_VECTOR || kind == format.START_COPY;
  const start = isElsewhere ? arg(code, 6) : dst;
  const startStride = kind == format.START_VECTOR ? 0 : columns;
  gemmPacked(height, columns, depth, arg(code, 1), depth, arg(code, 2), start, startStride, dst, columns);
}
