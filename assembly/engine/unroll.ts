/** Runs a call over time: legs, chunks of steps inside a leg, units inside a chunk, steps inside a unit. */
import { recordAt } from "../simd";
import { execute, runSegment } from "./execute";
import * as folds from "./folds";
import * as format from "./format";
import { lengths, setLeg, setSteps, setUnit } from "./frame";
import * as history from "./history";
import { clearPorts, give, take } from "./ports";
import { Call, Leg, Segment, Stage, Unit } from "./records";

/** Runs a whole planned call. The caller has checked every size; nothing here allocates. */
export function run(call: Call): void {
  assert(call.version == format.FORMAT_VERSION);
  for (let i = 0; i < call.legs; i++) runLeg(recordAt<Leg>(call.legTable, i));
}

/** The units of a stage share a direction: chunk by chunk, each unit in turn. A leg may start and end inside a chunk. */
function runLeg(leg: Leg): void {
  setLeg(leg);
  const run = leg.run;
  const stage = recordAt<Stage>(run.stageTable, leg.stage);
  beginLeg(leg, stage);
  const from = leg.from;
  const to = leg.to;
  const chunkSteps = run.chunkSteps;
  const reversed = stage.reversed != 0;
  const first = from / chunkSteps;
  const chunks = (to - 1) / chunkSteps - first + 1;
  for (let k = 0; k < chunks; k++) {
    const chunk = (first + (reversed ? chunks - 1 - k : k)) * chunkSteps;
    const start = max(chunk, from);
    const length = min(chunk + chunkSteps, to) - start;
    for (let i = 0; i < stage.units; i++) runPiece(leg, unitOf(leg, stage, i), start, length, reversed);
    countPiece(leg, stage);
  }
  endLeg(leg, stage);
}

function countPiece(leg: Leg, stage: Stage): void {
  const run = leg.run;
  run.pieces++;
  if (!folds.isFull(run.pieces, run.foldPieces)) return;
  for (let i = 0; i < stage.units; i++) foldSums(unitOf(leg, stage, i));
}

function foldSums(unit: Unit): void {
  setUnit(unit);
  setSteps(0, 0, 0);
  runSegment(unit, format.SEGMENT_FOLD);
}

// @ts-ignore: decorator
@inline
function unitOf(leg: Leg, stage: Stage, index: i32): Unit {
  return recordAt<Unit>(leg.run.unitTable, stage.firstUnit + index);
}

// @ts-ignore: decorator
@inline
function has(leg: Leg, flag: i32): bool {
  return (leg.flags & flag) != 0;
}

function beginLeg(leg: Leg, stage: Stage): void {
  const reversed = stage.reversed != 0;
  if (has(leg, format.LEG_BEGINS)) leg.run.pieces = 0;
  folds.setLevels(leg.run.foldLevels);
  let stored = leg.load;
  for (let i = 0; i < stage.units; i++) {
    const unit = unitOf(leg, stage, i);
    setUnit(unit);
    setSteps(0, 0, 0);
    if (has(leg, format.LEG_BEGINS)) {
      runSegment(unit, format.SEGMENT_START);
      if (leg.run.refresh) runSegment(unit, format.SEGMENT_PARAMETERS);
      clearPorts(unit);
      history.clearFinals(unit);
    }
    if (has(leg, format.LEG_STARTS)) history.start(unit, leg, reversed);
    if (stored) stored = history.restore(unit, leg, reversed, stored);
  }
}

function endLeg(leg: Leg, stage: Stage): void {
  const reversed = stage.reversed != 0;
  let stored = leg.store;
  folds.allFull();
  for (let i = 0; i < stage.units; i++) {
    const unit = unitOf(leg, stage, i);
    setUnit(unit);
    if (has(leg, format.LEG_ENDS)) history.finish(unit, leg, reversed);
    if (stored) stored = history.save(unit, leg, reversed, stored);
    setSteps(0, 0, 0);
    if (has(leg, format.LEG_FINISHES)) {
      runSegment(unit, format.SEGMENT_FOLD);
      runSegment(unit, format.SEGMENT_FINISH);
    }
  }
}

/** The part of a chunk that a leg runs over. */
function runPiece(leg: Leg, unit: Unit, start: i32, length: i32, reversed: bool): void {
  setUnit(unit);
  setSteps(start, start, length);
  if (has(leg, format.LEG_APART)) runSegment(unit, format.SEGMENT_START);
  if (reversed) history.bringForward(unit, start, length);
  take(unit, start, length);
  setSteps(start, start, length);
  runSegment(unit, format.SEGMENT_PROLOGUE);
  runSteps(unit, start, length, reversed);
  setSteps(start, start, length);
  runSegment(unit, format.SEGMENT_EPILOGUE);
  give(unit, start, length);
  if (!reversed) history.takeBack(unit, start, length);
  setSteps(start, start, length);
  if (has(leg, format.LEG_APART)) runSegment(unit, format.SEGMENT_FINISH);
}

function runSteps(unit: Unit, start: i32, length: i32, reversed: bool): void {
  const program = recordAt<Segment>(unit.program, format.SEGMENT_STEP);
  const code = program.code;
  const words = program.words;
  if (words == 0 && (!lengths || unit.states == 0)) return;
  for (let i = 0; i < length; i++) {
    const step = reversed ? start + length - 1 - i : start + i;
    setSteps(start, step, 1);
    if (lengths && reversed) history.enterSamples(unit, start, step);
    execute(code, words);
    if (lengths) history.leaveSamples(unit, start, step, reversed);
  }
}
