/**
 * What every instruction begins with. A class of an instruction lists its operands in the order in which the bindings write them
 * (bindings/program/ops) and runs it at the steps that the frame addresses. Values are named by their index in the unit's table;
 * sizes and strides are elements; `rows` is 0 for all the rows addressed.
 */
@unmanaged
export class Instruction {
  op: i32;
  words: i32; // with these two
}
