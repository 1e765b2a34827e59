/**
 * Checkpoints: weights, optimiser, schedule, random state, position and early stopping in one safetensors file, so that a resumed run gives the
 * bits of an uninterrupted one.
 */
import { readSafetensors, writeSafetensors } from '../io/safetensors.ts'
import type { Module } from '../module/module.ts'
import type { StateDict } from '../module/parameters.ts'
import { describeValue, expectOptions, fail } from '../runtime/check.ts'
import { checkStopping } from './early-stopping.ts'
import type { FitPosition } from './fit-options.ts'
import { expectModel } from './model.ts'
import { type Optimizer, expectOptimizer } from './optimizers/optimizer.ts'
import { type Schedule, expectSchedule } from './optimizers/schedules/schedule.ts'

export interface CheckpointParts {
  model: Module
  optimizer: Optimizer
  schedule?: Schedule
}

const CHECKPOINT_FORMAT = 'retrograd-checkpoint-1'

/** Everything that a run needs to go on from here, as the bytes of a safetensors file. `position` is what `onProgress` reports. */
export function writeCheckpoint(parts: CheckpointParts & { position?: FitPosition }): Uint8Array {
  expectParts('writeCheckpoint', parts, ['position'])
  const { model, optimizer, schedule, position = { epoch: 0, batch: 0 } } = parts
  const { runtime } = model
  const { weights, ...rest } = splitPosition(position)
  const tensors = {
    ...prefixed('model.', model.stateDict()),
    ...prefixed('optimizer.', optimizer.stateDict()),
    ...callCounts(model),
    ...prefixed('best.', weights),
  }
  return writeSafetensors(tensors, {
    format: CHECKPOINT_FORMAT,
    dtype: runtime.dtype,
    variant: runtime.variant,
    seed: String(runtime.seed),
    lr: String(optimizer.lr),
    position: JSON.stringify(rest.position),
    ...(schedule && { schedule: JSON.stringify(schedule.stateDict(), keepInfinite) }),
  })
}

/**
 * Puts a checkpoint back into a model, an optimiser and a schedule made as they were before.
 *
 * @returns the position, for `fit`'s `from`
 * @throws RetrogradError 'file' if the bytes are no checkpoint, 'state-dict' if it is of another model or optimiser
 */
export function readCheckpoint(bytes: Uint8Array | ArrayBuffer, parts: CheckpointParts): { position: FitPosition } {
  expectParts('readCheckpoint', parts, [])
  const { tensors, metadata } = readSafetensors(bytes)
  const dict = tensors as StateDict
  const { model, optimizer } = parts
  expectSameRun(metadata, parts)
  const position = joinPosition(metadata['position'], withoutPrefix('best.', dict), model)
  const modules = model.descendants()
  const counts = expectCallCounts(dict, modules)
  loadParts(dict, metadata, parts)
  optimizer.lr = Number(metadata['lr'])
  for (const [i, module] of modules.entries()) module.callCount = counts[i]!
  return { position }
}

type Metadata = Readonly<Record<string, string>>

function expectSameRun(metadata: Metadata, { model, schedule }: CheckpointParts): void {
  const { runtime } = model
  const { format, seed, dtype } = metadata
  if (format !== CHECKPOINT_FORMAT)
    fail('file', `readCheckpoint: format is '${format}'; expected '${CHECKPOINT_FORMAT}'`)
  if (seed !== String(runtime.seed) || dtype !== runtime.dtype) {
    const [before, now] = [`seed ${seed} and ${dtype}`, `${runtime.seed} and ${runtime.dtype}`]
    fail('file', `readCheckpoint: the run had ${before}; this runtime has ${now}`)
  }
  if (schedule && !metadata['schedule']) fail('file', 'readCheckpoint: there is no schedule in the file')
}

function expectCallCounts(dict: StateDict, modules: readonly Module[]): number[] {
  const counts = Array.from((dict['random.calls']?.data ?? []) as ArrayLike<number>)
  if (counts.length !== modules.length)
    fail('file', `readCheckpoint: the file is of ${counts.length} modules; the model has ${modules.length}`)
  return counts
}

/** A model keeps its weights where what goes with them does not fit. */
function loadParts(dict: StateDict, metadata: Metadata, { model, optimizer, schedule }: CheckpointParts): void {
  const before = model.stateDict()
  model.loadStateDict(withoutPrefix('model.', dict))
  try {
    optimizer.loadStateDict(withoutPrefix('optimizer.', dict))
    schedule?.loadStateDict(parseObject(metadata['schedule'], takeInfinite) as Record<string, number>)
  } catch (error) {
    model.loadStateDict(before)
    throw error
  }
}

/** A position as JSON can hold it, and the best epoch's weights, which are tensors of the file. */
function splitPosition(position: FitPosition): { position: object; weights: StateDict } {
  const { stopping } = position
  if (!stopping?.best) return { position, weights: {} }
  const { weights, ...best } = stopping.best
  return { position: { ...position, stopping: { ...stopping, best } }, weights }
}

function joinPosition(text: string | undefined, weights: StateDict, model: Module): FitPosition {
  const position = parseObject(text) as unknown as FitPosition
  if (!isCount(position.epoch) || !isCount(position.batch) || !isCount(position.block ?? 0))
    fail('file', 'readCheckpoint: position is not { epoch, batch } or { epoch, batch, block }')
  const { stopping } = position
  if (!stopping) return position
  const whole = stopping.best ? { ...stopping, best: { ...stopping.best, weights } } : stopping
  checkStopping('readCheckpoint: position.stopping', whole, model)
  return { ...position, stopping: whole }
}

function expectParts(who: string, parts: CheckpointParts, own: readonly string[]): void {
  expectOptions(who, parts, ['model', 'optimizer', 'schedule', ...own])
  const { model, optimizer, schedule } = parts
  expectModel(who, model)
  expectOptimizer(who, optimizer)
  if (schedule !== undefined) expectSchedule(who, schedule)
}

function callCounts(model: Module): StateDict {
  const data = Float64Array.from(model.descendants(), (module) => module.callCount)
  return { 'random.calls': { shape: [data.length], data } }
}

const prefixed = (prefix: string, dict: StateDict): StateDict =>
  Object.fromEntries(Object.entries(dict).map(([name, value]) => [prefix + name, value]))

const withoutPrefix = (prefix: string, dict: StateDict): StateDict =>
  Object.fromEntries(
    Object.entries(dict)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, value]) => [name.slice(prefix.length), value]),
  )

/** JSON has no Infinity, which is what a plateau's best is before its first step. */
const keepInfinite = (_name: string, value: unknown): unknown =>
  value === Infinity || value === -Infinity ? String(value) : value
const takeInfinite = (_name: string, value: unknown): unknown =>
  value === 'Infinity' || value === '-Infinity' ? Number(value) : value

type Revive = (name: string, value: unknown) => unknown

function parseObject(text: string | undefined, revive?: Revive): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text ?? '', revive)
    if (value !== null && typeof value === 'object') return value as Record<string, unknown>
  } catch {
    // said below
  }
  return fail('file', `readCheckpoint: metadata holds ${describeValue(text)} where an object is expected`)
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0
