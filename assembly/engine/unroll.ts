/** Runs a call over time: legs, chunks of steps inside a leg, units inside a chunk, steps inside a unit. */
import { execute } from "./execute";
import * as format from "./format";
import { lengths, setLeg, setSteps, setUnit, tableEntry, word } from "./frame";
import * as history from "./history";
import { clearPorts, give, take } from "./ports";

/** Runs a whole planned call. The caller has checked every size; nothing here allocates. */
export function run(call: usize): void {
  assert(word(call, format.CALL_VERSION) == format.FORMAT_VERSION);
  const legs = word(call, format.CALL_LEGS);
  for (let i = 0; i < legs; i++) {
    runLeg(tableEntry(word(call, format.CALL_LEG_TABLE), i, format.LEG_WORDS));
  }
}

/** The units of a stage share a direction: chunk by chunk, each unit in turn. A leg may start and end inside a chunk. */
function runLeg(leg: usize): void {
  setLeg(leg);
  const run = word(leg, format.LEG_RUN);
  const stage = tableEntry(word(run, format.RUN_STAGE_TABLE), word(leg, format.LEG_STAGE), format.STAGE_WORDS);
  const units = tableEntry(word(run, format.RUN_UNIT_TABLE), word(stage, format.STAGE_FIRST_UNIT), format.UNIT_WORDS);
  const count = word(stage, format.STAGE_UNITS);
  beginLeg(leg, stage, units, count);
  const from = word(leg, format.LEG_FROM);
  const to = word(leg, format.LEG_TO);
  const chunkSteps = word(run, format.RUN_CHUNK_STEPS);
  const reversed = word(stage, format.STAGE_REVERSED) != 0;
  const first = from / chunkSteps;
  const chunks = (to - 1) / chunkSteps - first + 1;
  for (let k = 0; k < chunks; k++) {
    const chunk = (first + (reversed ? chunks - 1 - k : k)) * chunkSteps;
    const start = max(chunk, from);
    const length = min(chunk + chunkSteps, to) - start;
    for (let i = 0; i < count; i++) runPiece(leg, tableEntry(units, i, format.UNIT_WORDS), start, length, reversed);
  }
  endLeg(leg, stage, units, count);
}

function segment(unit: usize, index: i32): void {
  const program = word(unit, format.UNIT_PROGRAM);
  execute(word(program, index), word(program, index + 1));
}

// @ts-ignore: decorator
@inline
function has(leg: usize, flag: i32): bool {
  return (word(leg, format.LEG_FLAGS) & flag) != 0;
}

function beginLeg(leg: usize, stage: usize, units: usize, count: i32): void {
  const reversed = word(stage, format.STAGE_REVERSED) != 0;
  let stored: usize = word(leg, format.LEG_LOAD);
  for (let i = 0; i < count; i++) {
    const unit = tableEntry(units, i, format.UNIT_WORDS);
    setUnit(word(unit, format.UNIT_VALUES));
    setSteps(0, 0, 0);
    if (has(leg, format.LEG_BEGINS)) {
      segment(unit, format.PROGRAM_START);
      if (word(word(leg, format.LEG_RUN), format.RUN_REFRESH)) segment(unit, format.PROGRAM_PARAMETERS);
      clearPorts(unit);
      history.clearFinals(unit);
    }
    if (has(leg, format.LEG_STARTS)) history.start(unit, leg, reversed);
    if (stored) stored = history.restore(unit, leg, reversed, stored);
  }
}

function endLeg(leg: usize, stage: usize, units: usize, count: i32): void {
  const reversed = word(stage, format.STAGE_REVERSED) != 0;
  let stored: usize = word(leg, format.LEG_STORE);
  for (let i = 0; i < count; i++) {
    const unit = tableEntry(units, i, format.UNIT_WORDS);
    setUnit(word(unit, format.UNIT_VALUES));
    if (has(leg, format.LEG_ENDS)) history.finish(unit, leg, reversed);
    if (stored) stored = history.save(unit, leg, reversed, stored);
    setSteps(0, 0, 0);
    if (has(leg, format.LEG_FINISHES)) segment(unit, format.PROGRAM_FINISH);
  }
}

/** The part of a chunk that a leg runs over. */
function runPiece(leg: usize, unit: usize, start: i32, length: i32, reversed: bool): void {
  setUnit(word(unit, format.UNIT_VALUES));
  setSteps(start, start, length);
  if (has(leg, format.LEG_APART)) segment(unit, format.PROGRAM_START);
  if (reversed) history.bringForward(unit, start, length);
  take(unit, start, length);
  setSteps(start, start, length);
  segment(unit, format.PROGRAM_PROLOGUE);
  runSteps(unit, start, length, reversed);
  setSteps(start, start, length);
  segment(unit, format.PROGRAM_EPILOGUE);
  give(unit, start, length);
  if (!reversed) history.takeBack(unit, start, length);
  setSteps(start, start, length);
  if (has(leg, format.LEG_APART)) segment(unit, format.PROGRAM_FINISH);
}

function runSteps(unit: usize, start: i32, length: i32, reversed: bool): void {
  const program = word(unit, format.UNIT_PROGRAM);
  const code = word(program, format.PROGRAM_STEP);
  const words = word(program, format.PROGRAM_STEP + 1);
  if (words == 0 && (!lengths || word(unit, format.UNIT_STATES) == 0)) return;
  for (let i = 0; i < length; i++) {
    const step = reversed ? start + length - 1 - i : start + i;
    setSteps(start, step, 1);
    if (lengths && reversed) history.enterSamples(unit, start, step);
    execute(code, words);
    if (lengths) history.leaveSamples(unit, start, step, reversed);
  }
}
