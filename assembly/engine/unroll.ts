/** Runs a step program over time: stages, chunks of steps, units inside a chunk, steps inside a unit. */
import { addInto } from "../ops/reduce";
import { at } from "../simd";
import { execute } from "./execute";
import * as format from "./format";
import { address, setRun, setSteps, setUnit, strideOf, word } from "./frame";

/** Runs a whole planned call. The caller has checked every size; nothing here allocates. */
export function runProgram<T>(run: usize): void {
  assert(word(run, format.RUN_VERSION) == format.FORMAT_VERSION);
  setRun(run);
  const stages = word(run, format.RUN_STAGES);
  for (let i = 0; i < stages; i++) {
    runStage<T>(run, tableEntry(word(run, format.RUN_STAGE_TABLE), i, format.STAGE_WORDS));
  }
}

// @ts-ignore: decorator
@inline
function tableEntry(table: usize, index: i32, words: i32): usize {
  return table + <usize>(index * words) * format.WORD_BYTES;
}

/** The units of a stage share a direction: chunk by chunk, each unit in turn. */
function runStage<T>(run: usize, stage: usize): void {
  const steps = word(run, format.RUN_STEPS);
  const chunkSteps = word(run, format.RUN_CHUNK_STEPS);
  const reversed = word(stage, format.STAGE_REVERSED) != 0;
  const units = tableEntry(word(run, format.RUN_UNIT_TABLE), word(stage, format.STAGE_FIRST_UNIT), format.UNIT_WORDS);
  const count = word(stage, format.STAGE_UNITS);
  const chunks = (steps + chunkSteps - 1) / chunkSteps;
  setSteps(0, 0, 0);
  for (let i = 0; i < count; i++) beginUnit<T>(run, tableEntry(units, i, format.UNIT_WORDS), reversed);
  for (let k = 0; k < chunks; k++) {
    const start = (reversed ? chunks - 1 - k : k) * chunkSteps;
    const length = min(chunkSteps, steps - start);
    for (let i = 0; i < count; i++) {
      runChunk<T>(run, tableEntry(units, i, format.UNIT_WORDS), start, length, reversed);
    }
  }
  setSteps(0, 0, 0);
  for (let i = 0; i < count; i++) endUnit<T>(run, tableEntry(units, i, format.UNIT_WORDS), reversed);
}

function segment<T>(unit: usize, index: i32): void {
  const program = word(unit, format.UNIT_PROGRAM);
  execute<T>(word(program, index), word(program, index + 1));
}

function beginUnit<T>(run: usize, unit: usize, reversed: bool): void {
  setUnit(word(unit, format.UNIT_VALUES));
  segment<T>(unit, format.PROGRAM_START);
  if (word(run, format.RUN_REFRESH)) segment<T>(unit, format.PROGRAM_PARAMETERS);
  const steps = word(run, format.RUN_STEPS);
  const last = ((steps - 1) / word(run, format.RUN_CHUNK_STEPS)) * word(run, format.RUN_CHUNK_STEPS);
  for (let i = 0; i < word(unit, format.UNIT_STATES); i++) {
    const state = stateEntry(unit, i);
    // the slots that the first step reads: just before it, in the direction of the unrolling
    if (reversed) setSteps(last, steps, 0);
    else setSteps(0, 0, 0);
    fillHistory<T>(state, reversed);
  }
}

function stateEntry(unit: usize, index: i32): usize {
  return tableEntry(word(unit, format.UNIT_STATE_TABLE), index, format.STATE_WORDS);
}

/** Address of the `lag`-th slot before the first step addressed. */
function slotBefore(state: usize, lag: i32, reversed: bool): usize {
  const value = word(state, format.STATE_VALUE);
  const offset = lag * strideOf(value);
  // reversed: the step addressed is one past the last, whose own slot is lag 1
  return reversed ? address(value) + (offset - strideOf(value)) : address(value) - offset;
}

/** Every slot before the first step holds the initial state, or zeros. */
function fillHistory<T>(state: usize, reversed: bool): void {
  const initial = word(state, format.STATE_INITIAL);
  const bytes = word(state, format.STATE_ELEMENTS) * <i32>sizeof<T>();
  const isCarry = word(state, format.STATE_FINAL_MODE) != format.FINAL_COPY;
  for (let lag = 1; lag <= word(state, format.STATE_LAG); lag++) {
    const slot = slotBefore(state, lag, reversed);
    // an adjoint's incoming gradient belongs to the last state alone
    if (initial && (lag == 1 || !isCarry)) memory.copy(slot, initial, bytes);
    else memory.fill(slot, 0, bytes);
  }
}

function runChunk<T>(run: usize, unit: usize, start: i32, length: i32, reversed: bool): void {
  setUnit(word(unit, format.UNIT_VALUES));
  setSteps(start, start, length);
  segment<T>(unit, format.PROGRAM_PROLOGUE);
  const program = word(unit, format.UNIT_PROGRAM);
  const code = word(program, format.PROGRAM_STEP);
  const words = word(program, format.PROGRAM_STEP + 1);
  const block = word(run, format.RUN_BLOCK_STEPS);
  for (let i = 0; i < length && words > 0; i++) {
    const step = reversed ? start + length - 1 - i : start + i;
    setSteps(start, step, 1);
    if (block > 0 && (step + 1) % block == 0 && reversed) dropCarries<T>(unit);
    execute<T>(code, words);
  }
  setSteps(start, start, length);
  segment<T>(unit, format.PROGRAM_EPILOGUE);
  carryHistory(run, unit, start, length, reversed);
}

/** Truncation: what later steps sent to this one is cut. */
function dropCarries<T>(unit: usize): void {
  for (let i = 0; i < word(unit, format.UNIT_STATES); i++) {
    const state = stateEntry(unit, i);
    const value = word(state, format.STATE_VALUE);
    const bytes = word(state, format.STATE_ELEMENTS) * <i32>sizeof<T>();
    for (let lag = 1; lag <= word(state, format.STATE_LAG); lag++) {
      memory.fill(address(value) + lag * strideOf(value), 0, bytes);
    }
  }
}

/** A history kept for one chunk hands its last slots to the next chunk, whose first steps read them. */
function carryHistory(run: usize, unit: usize, start: i32, length: i32, reversed: bool): void {
  const full = word(run, format.RUN_CHUNK_STEPS);
  for (let i = 0; i < word(unit, format.UNIT_STATES); i++) {
    const state = stateEntry(unit, i);
    const value = word(state, format.STATE_VALUE);
    if (!isChunked(unit, value)) continue;
    const stride = strideOf(value);
    const bytes = word(state, format.STATE_LAG) * stride;
    setSteps(start, start, 0);
    const first = address(value); // slot of the chunk's first step
    if (reversed) memory.copy(first + full * stride, first, bytes);
    else memory.copy(first - bytes, first + length * stride - bytes, bytes);
  }
}

function isChunked(unit: usize, value: i32): bool {
  return (
    word(tableEntry(word(unit, format.UNIT_VALUES), value, format.VALUE_WORDS), format.VALUE_KIND) == format.KIND_CHUNK
  );
}

function endUnit<T>(run: usize, unit: usize, reversed: bool): void {
  setUnit(word(unit, format.UNIT_VALUES));
  const steps = word(run, format.RUN_STEPS);
  const chunkSteps = word(run, format.RUN_CHUNK_STEPS);
  const last = ((steps - 1) / chunkSteps) * chunkSteps;
  for (let i = 0; i < word(unit, format.UNIT_STATES); i++) {
    const state = stateEntry(unit, i);
    // a chunked history was moved to where the next chunk would read it
    const moved = isChunked(unit, word(state, format.STATE_VALUE));
    if (reversed) setSteps(0, moved ? chunkSteps : 0, 0);
    else setSteps(last, moved ? last : steps, 0);
    storeFinal<T>(state, reversed);
  }
  setSteps(0, 0, 0);
  segment<T>(unit, format.PROGRAM_FINISH);
}

/** Copies the newest state out, or adds up the carries that no step has read. */
function storeFinal<T>(state: usize, reversed: bool): void {
  const final = word(state, format.STATE_FINAL);
  if (!final) return;
  const elements = word(state, format.STATE_ELEMENTS);
  const mode = word(state, format.STATE_FINAL_MODE);
  if (mode != format.FINAL_ADD_SUM) memory.copy(final, slotBefore(state, 1, reversed), at<T>(0, elements));
  if (mode == format.FINAL_COPY) return;
  for (let lag = mode == format.FINAL_SUM ? 2 : 1; lag <= word(state, format.STATE_LAG); lag++) {
    addInto<T>(elements, slotBefore(state, lag, reversed), final);
  }
}
