/**
 * What states were before the first step and are after the last one. A state's history is its value at the steps around
 * those that run: as many before the first as the furthest delayed read looks back. Distance 1 is the nearest.
 *
 * The entries of a history outside (initial and final states) are the newest state, then the `past` ones. A carry of an
 * adjoint with delay LAG is read LAG steps further on, so that its distances count the other way: see `entryAt`.
 */
import { addInto } from "../ops/reduce";
import { at, recordAt } from "../simd";
import * as format from "./format";
import { address, batch, kindOf, lengthOf, lengths, lossFrom, setSteps, steps, strideOf } from "./frame";
import { Leg, State, Unit } from "./records";

// @ts-ignore: decorator
@inline
function stateOf(unit: Unit, index: i32): State {
  return recordAt<State>(unit.stateTable, index);
}

// @ts-ignore: decorator
@inline
function isCarry(state: State): bool {
  return state.carry != 0;
}

// @ts-ignore: decorator
@inline
function rowBytes(state: State): usize {
  return at(0, state.columns);
}

/** Which entry of a history outside belongs to the slot at a distance. */
// @ts-ignore: decorator
@inline
function entryAt(state: State, distance: i32): i32 {
  return isCarry(state) ? state.lag - distance : distance - 1;
}

/** Address of an entry of a history outside; without `past` the newest state stands for all before it. */
function outside(state: State, base: usize, past: usize, entry: i32): usize {
  if (entry == 0 || past == 0) return base;
  return past + <usize>(entry - 1) * <usize>state.pastStride;
}

/** Where the entry of an incoming history is, or 0 for zeros: a gradient by the last state alone goes to no earlier one. */
function incoming(state: State, distance: i32): usize {
  const base = state.initial;
  const past = state.pastInitial;
  const entry = entryAt(state, distance);
  if (isCarry(state) && entry > 0 && past == 0) return 0;
  return outside(state, base, past, entry);
}

function outgoing(state: State, distance: i32): usize {
  const past = state.pastFinal;
  const entry = entryAt(state, distance);
  const isCopy = !isCarry(state);
  if (isCopy && entry > 0 && past == 0) return 0;
  return outside(state, state.final, past, entry);
}

/** Address of a state's slot at a step of the piece that starts at `start`. */
// @ts-ignore: decorator
@inline
function slot(state: State, start: i32, step: i32): usize {
  setSteps(start, step, 0);
  return address(state.value);
}

/**
 * Where a leg's history waits before its first piece and after its last one. A history kept for one chunk waits beside the
 * chunk's first slot: before it, or from it on where time runs backward.
 */
function waiting(state: State, leg: Leg, distance: i32, reversed: bool, after: bool): usize {
  if (kindOf(state.value) == format.KIND_CHUNK) {
    return slot(state, 0, reversed ? distance - 1 : -distance);
  }
  const from = leg.from;
  const to = leg.to;
  if (after) return slot(state, 0, reversed ? from + distance - 1 : to - distance);
  return slot(state, 0, reversed ? to + distance - 1 : from - distance);
}

/** Sums of carries go to memory that starts from zeros. */
export function clearFinals(unit: Unit): void {
  for (let i = 0; i < unit.states; i++) {
    const state = stateOf(unit, i);
    if (!isCarry(state) || !state.final) continue;
    const bytes = <usize>batch * rowBytes(state);
    memory.fill(state.final, 0, bytes);
    const past = state.pastFinal;
    if (past == 0) continue;
    for (let entry = 1; entry < state.lag; entry++) {
      memory.fill(outside(state, 0, past, entry), 0, bytes);
    }
  }
}

/** Every slot before a leg's first step holds its initial entry, or zeros; of samples with lengths, see `enterSamples`. */
export function start(unit: Unit, leg: Leg, reversed: bool): void {
  const atEnd = leg.to == steps && !lengths;
  for (let i = 0; i < unit.states; i++) {
    const state = stateOf(unit, i);
    const bytes = <usize>batch * rowBytes(state);
    // a carry's initial history is the gradient by the last state: it enters where that state is
    const enters = !isCarry(state) || (reversed ? atEnd : true);
    for (let distance = 1; distance <= state.lag; distance++) {
      const source = enters ? incoming(state, distance) : 0;
      const target = waiting(state, leg, distance, reversed, false);
      if (source) memory.copy(target, source, bytes);
      else memory.fill(target, 0, bytes);
      if (isCarry(state) && lengths) dropEmptySamples(state, target);
    }
  }
}

/** A sample without a step passes its gradient on by itself: see `passEmptySamples`. */
function dropEmptySamples(state: State, target: usize): void {
  const bytes = rowBytes(state);
  for (let sample = 0; sample < batch; sample++) {
    if (lengthOf(sample) == 0) memory.fill(target + <usize>sample * bytes, 0, bytes);
  }
}

/** Sends the history after a leg's last step to the final states. */
export function finish(unit: Unit, leg: Leg, reversed: bool): void {
  for (let i = 0; i < unit.states; i++) {
    const state = stateOf(unit, i);
    if (!state.final) continue;
    if (reversed || !lengths) finishAll(state, leg, reversed);
    if (lengths) passEmptySamples(state);
  }
}

function finishAll(state: State, leg: Leg, reversed: bool): void {
  for (let distance = 1; distance <= state.lag; distance++) {
    sendOut(state, distance, batch * state.columns, waiting(state, leg, distance, reversed, true), 0);
  }
}

/** `n` elements of a slot to their final entry, `offset` bytes into it: copied, or added where they are a carry. */
function sendOut(state: State, distance: i32, n: i32, source: usize, offset: usize): void {
  const target = outgoing(state, distance);
  if (target == 0) return;
  if (isCarry(state)) addInto(n, source, target + offset);
  else memory.copy(target + offset, source, at(0, n));
}

/** A sample without a step keeps its initial state; a gradient by the one is a gradient by the other. */
function passEmptySamples(state: State): void {
  if (isCarry(state) && lossFrom > 0) return;
  const bytes = rowBytes(state);
  for (let sample = 0; sample < batch; sample++) {
    if (lengthOf(sample) > 0) continue;
    const offset = <usize>sample * bytes;
    for (let distance = 1; distance <= state.lag; distance++) {
      const source = incoming(state, distance);
      if (source) sendOut(state, distance, state.columns, source + offset, offset);
      else if (!isCarry(state) && outgoing(state, distance)) memory.fill(outgoing(state, distance) + offset, 0, bytes);
    }
  }
}

/** Where time runs backward, a sample begins at its own last step: its initial history lies just behind that step. */
export function enterSamples(unit: Unit, piece: i32, step: i32): void {
  for (let sample = 0; sample < batch; sample++) {
    if (lengthOf(sample) != step + 1) continue;
    for (let i = 0; i < unit.states; i++) {
      const state = stateOf(unit, i);
      if (isCarry(state) && step < lossFrom) continue;
      const bytes = rowBytes(state);
      const offset = <usize>sample * bytes;
      for (let distance = 1; distance <= state.lag; distance++) {
        const source = incoming(state, distance);
        const target = slot(state, piece, step + distance) + offset;
        if (source) memory.copy(target, source + offset, bytes);
        else memory.fill(target, 0, bytes);
      }
    }
  }
  setSteps(piece, step, 1);
}

/**
 * After a step: a sample outside its own steps keeps its state (a carry of an adjoint is 0 there); where time runs forward, one
 * whose last step this was sends its history out.
 */
export function leaveSamples(unit: Unit, piece: i32, step: i32, reversed: bool): void {
  for (let sample = 0; sample < batch; sample++) {
    const length = lengthOf(sample);
    if (step < length - 1 || (reversed && step < length)) continue;
    for (let i = 0; i < unit.states; i++) {
      const state = stateOf(unit, i);
      if (step >= length) keep(state, piece, step, sample, reversed);
      else finishSample(state, piece, step, sample);
    }
  }
}

function keep(state: State, piece: i32, step: i32, sample: i32, reversed: bool): void {
  const bytes = rowBytes(state);
  const target = slot(state, piece, step) + <usize>sample * bytes;
  const stride = strideOf(state.value);
  if (isCarry(state)) memory.fill(target, 0, bytes);
  else memory.copy(target, reversed ? target + stride : target - stride, bytes);
}

/** What a carry sends out no later step may read: it becomes 0. */
function finishSample(state: State, piece: i32, step: i32, sample: i32): void {
  const bytes = rowBytes(state);
  const offset = <usize>sample * bytes;
  for (let distance = 1; distance <= state.lag; distance++) {
    const source = slot(state, piece, step + 1 - distance) + offset;
    if (state.final) sendOut(state, distance, state.columns, source, offset);
    if (isCarry(state)) memory.fill(source, 0, bytes);
  }
}

/** A history kept for one chunk: before a piece, from where it waited to just behind the piece, where time runs backward. */
export function bringForward(unit: Unit, piece: i32, length: i32): void {
  for (let i = 0; i < unit.states; i++) {
    const state = stateOf(unit, i);
    if (kindOf(state.value) != format.KIND_CHUNK) continue;
    const bytes = state.lag * strideOf(state.value);
    memory.copy(slot(state, piece, piece + length), slot(state, piece, piece), bytes);
  }
}

/** … and after a piece, from its last slots to where the history waits for the next piece. */
export function takeBack(unit: Unit, piece: i32, length: i32): void {
  for (let i = 0; i < unit.states; i++) {
    const state = stateOf(unit, i);
    if (kindOf(state.value) != format.KIND_CHUNK) continue;
    const lag = state.lag;
    const bytes = lag * strideOf(state.value);
    memory.copy(slot(state, piece, piece - lag), slot(state, piece, piece + length - lag), bytes);
  }
}

/** Copies the waiting histories of a unit to a checkpoint; returns where the next unit's go. */
export function save(unit: Unit, leg: Leg, reversed: bool, target: usize): usize {
  for (let i = 0; i < unit.states; i++) {
    const state = stateOf(unit, i);
    const bytes = <usize>batch * rowBytes(state);
    for (let distance = 1; distance <= state.lag; distance++) {
      memory.copy(target, waiting(state, leg, distance, reversed, true), bytes);
      target += bytes;
    }
  }
  return target;
}

/** The way back: a leg starts from the histories of a checkpoint. */
export function restore(unit: Unit, leg: Leg, reversed: bool, source: usize): usize {
  for (let i = 0; i < unit.states; i++) {
    const state = stateOf(unit, i);
    const bytes = <usize>batch * rowBytes(state);
    for (let distance = 1; distance <= state.lag; distance++) {
      memory.copy(waiting(state, leg, distance, reversed, false), source, bytes);
      source += bytes;
    }
  }
  return source;
}
