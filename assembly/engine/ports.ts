/** Rows between a unit's values and arrays outside, which have strides of their own: another order of axes, padding, halves of a row. */
import { Real } from "real";
import { addInto } from "../ops/reduce";
import * as format from "./format";
import { address, batch, lengthOf, lengths, lossFrom, setSteps, tableEntry, word } from "./frame";

// @ts-ignore: decorator
@inline
function portEntry(unit: usize, index: i32): usize {
  return tableEntry(word(unit, format.UNIT_PORT_TABLE), index, format.PORT_WORDS);
}

/** Arrays that are added to start from zeros. */
export function clearPorts(unit: usize): void {
  for (let i = 0; i < word(unit, format.UNIT_PORTS); i++) {
    const port = portEntry(unit, i);
    memory.fill(word(port, format.PORT_ADDRESS), 0, word(port, format.PORT_CLEAR));
  }
}

/** Takes the rows of steps [start, start + length) in. */
export function take(unit: usize, start: i32, length: i32): void {
  for (let i = 0; i < word(unit, format.UNIT_PORTS); i++) {
    const port = portEntry(unit, i);
    const mode = word(port, format.PORT_MODE);
    if (mode > format.PORT_TAKE_NEAREST) continue;
    for (let step = start; step < start + length; step++) takeStep(port, start, step, mode == format.PORT_TAKE_NEAREST);
  }
}

function takeStep(port: usize, start: i32, step: i32, nearest: bool): void {
  setSteps(start, step, 1);
  const bytes = <usize>word(port, format.PORT_BYTES);
  let target = address(word(port, format.PORT_VALUE));
  if (!nearest && step < lossFrom) return memory.fill(target, 0, <usize>batch * bytes);
  if (!lengths && <usize>word(port, format.PORT_ROW_STRIDE) == bytes) {
    return memory.copy(target, outer(port, step, 0), <usize>batch * bytes);
  }
  for (let sample = 0; sample < batch; sample++) {
    const length = lengthOf(sample);
    if (step < length) memory.copy(target, outer(port, step, sample), bytes);
    else if (!nearest) memory.fill(target, 0, bytes);
    else takeNearest(port, target, sample, bytes);
    target += bytes;
  }
}

/** Stands in for padding: the sample's last row, or that of one that has any. */
function takeNearest(port: usize, target: usize, sample: i32, bytes: usize): void {
  let donor = sample;
  for (let i = 0; i < batch && lengthOf(donor) == 0; i++) donor = i;
  const length = lengthOf(donor);
  if (length == 0) memory.fill(target, 0, bytes);
  else memory.copy(target, outer(port, length - 1, donor), bytes);
}

// @ts-ignore: decorator
@inline
function outer(port: usize, step: i32, sample: i32): usize {
  return (
    word(port, format.PORT_ADDRESS) +
    step * word(port, format.PORT_STEP_STRIDE) +
    sample * word(port, format.PORT_ROW_STRIDE)
  );
}

/** Gives the rows of steps [start, start + length) out. */
export function give(unit: usize, start: i32, length: i32): void {
  for (let i = 0; i < word(unit, format.UNIT_PORTS); i++) {
    const port = portEntry(unit, i);
    const mode = word(port, format.PORT_MODE);
    if (mode < format.PORT_GIVE) continue;
    for (let step = start; step < start + length; step++) giveStep(port, start, step, mode == format.PORT_GIVE_SUM);
  }
}

function giveStep(port: usize, start: i32, step: i32, sums: bool): void {
  setSteps(start, step, 1);
  const bytes = <usize>word(port, format.PORT_BYTES);
  let source = address(word(port, format.PORT_VALUE));
  for (let sample = 0; sample < batch; sample++) {
    const target = outer(port, step, sample);
    const runs = step < lengthOf(sample);
    if (runs && sums) addInto(<i32>(bytes / sizeof<Real>()), source, target);
    else if (runs) memory.copy(target, source, bytes);
    else if (!sums) memory.fill(target, 0, bytes);
    source += bytes;
  }
}
