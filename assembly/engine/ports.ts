/** Rows between a unit's values and arrays outside, which have strides of their own: another order of axes, padding, halves of a row. */
import { Real } from "real";
import { addInto } from "../ops/reduce";
import { recordAt } from "../simd";
import * as format from "./format";
import { address, batch, lengthOf, lengths, lossFrom, setSteps } from "./frame";
import { Port, Unit } from "./records";

// @ts-ignore: decorator
@inline
function portOf(unit: Unit, index: i32): Port {
  return recordAt<Port>(unit.portTable, index);
}

/** Arrays that are added to start from zeros. */
export function clearPorts(unit: Unit): void {
  for (let i = 0; i < unit.ports; i++) {
    const port = portOf(unit, i);
    memory.fill(port.address, 0, port.clear);
  }
}

/** Takes the rows of steps [start, start + length) in. */
export function take(unit: Unit, start: i32, length: i32): void {
  for (let i = 0; i < unit.ports; i++) {
    const port = portOf(unit, i);
    const mode = port.mode;
    if (mode > format.PORT_TAKE_NEAREST) continue;
    for (let step = start; step < start + length; step++) takeStep(port, start, step, mode == format.PORT_TAKE_NEAREST);
  }
}

function takeStep(port: Port, start: i32, step: i32, nearest: bool): void {
  setSteps(start, step, 1);
  const bytes = <usize>port.bytes;
  let target = address(port.value);
  if (!nearest && step < lossFrom) return memory.fill(target, 0, <usize>batch * bytes);
  if (!lengths && <usize>port.rowStride == bytes) {
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
function takeNearest(port: Port, target: usize, sample: i32, bytes: usize): void {
  let donor = sample;
  for (let i = 0; i < batch && lengthOf(donor) == 0; i++) donor = i;
  const length = lengthOf(donor);
  if (length == 0) memory.fill(target, 0, bytes);
  else memory.copy(target, outer(port, length - 1, donor), bytes);
}

// @ts-ignore: decorator
@inline
function outer(port: Port, step: i32, sample: i32): usize {
  return port.address + step * port.stepStride + sample * port.rowStride;
}

/** Gives the rows of steps [start, start + length) out. */
export function give(unit: Unit, start: i32, length: i32): void {
  for (let i = 0; i < unit.ports; i++) {
    const port = portOf(unit, i);
    const mode = port.mode;
    if (mode < format.PORT_GIVE) continue;
    for (let step = start; step < start + length; step++) giveStep(port, start, step, mode == format.PORT_GIVE_SUM);
  }
}

function giveStep(port: Port, start: i32, step: i32, sums: bool): void {
  setSteps(start, step, 1);
  const bytes = <usize>port.bytes;
  let source = address(port.value);
  for (let sample = 0; sample < batch; sample++) {
    const target = outer(port, step, sample);
    const runs = step < lengthOf(sample);
    if (runs && sums) addInto(<i32>(bytes / sizeof<Real>()), source, target);
    else if (runs) memory.copy(target, source, bytes);
    else if (!sums) memory.fill(target, 0, bytes);
    source += bytes;
  }
}
