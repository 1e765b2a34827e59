/**
 * Checkpoints: weights, optimiser, schedule, random state, position and early stopping in one safetensors file, so that a resumed run gives the
 * bits of an uninterrupted one.
 */
import { readSafetensors, writeSafetensors } from '../io/safetensors.ts'
import type { Module } from '../module/module.ts'
import { type StateDict, expectStateDict } from '../module/parameters.ts'
import { describeValue, expectOptions, fail } from '../runtime/check.ts'
import { RetrogradError } from '../runtime/errors.ts'
import { epochsBegun, noteEpochs } from './epochs.ts'
import type { FitPosition } from './fit-options.ts'
import { expectModel } from './model.ts'
import { expectOptimizerOf, expectScheduleOf } from './optimizers/belonging.ts'
import type { Optimizer } from './optimizers/optimizer.ts'
import type { Schedule } from './optimizers/schedules/schedule.ts'
import { checkPosition, isCount } from './position.ts'

export interface CheckpointParts {
  model: Module
  optimizer: Optimizer
  schedule?: Schedule
}

const CHECKPOINT_FORMAT = 'retrograd-checkpoint-2'
const METADATA = ['format', 'dtype', 'variant', 'seed', 'lr', 'position', 'schedule']
const PREFIXES = ['model.', 'optimizer.', 'best.', 'random.']

/**
 * Everything that a run needs to go on from here, as the bytes of a safetensors file. `position` is what `onProgress` reports.
 *
 * @throws RetrogradError 'option' if the optimiser is not the model's, the schedule not the optimiser's, or the position none of this model
 */
export function writeCheckpoint(parts: CheckpointParts & { position?: FitPosition }): Uint8Array {
  expectParts('writeCheckpoint', parts, ['position'])
  const { model, optimizer, schedule } = parts
  const { position = startOf(model) } = parts
  checkPosition('writeCheckpoint: position', position, model)
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
 * Puts a checkpoint back into a model, an optimiser and a schedule made as they were before: all of it, or, where anything in it is
 * wrong, nothing. A schedule in the file is left there if none is given.
 *
 * @returns the position, for `fit`'s `from`
 * @throws RetrogradError 'file' if the bytes are no checkpoint, 'state-dict' if it is of another model or optimiser
 */
export function readCheckpoint(bytes: Uint8Array | ArrayBuffer, parts: CheckpointParts): { position: FitPosition } {
  expectParts('readCheckpoint', parts, [])
  const { tensors, metadata } = readSafetensors(bytes)
  const dict = tensors as StateDict
  const { model, optimizer, schedule } = parts
  expectSameRun(metadata, model)
  expectTensors(dict, model)
  const lr = expectRate(metadata['lr'])
  const position = joinPosition(metadata['position'], withoutPrefix('best.', dict), model)
  const counts = expectCallCounts(dict, model.descendants())
  const weights = withoutPrefix('model.', dict)
  expectStateDict('readCheckpoint: model', model.parameters(), weights)
  const moments = withoutPrefix('optimizer.', dict)
  optimizer.expectState('readCheckpoint: optimizer', moments)
  const rates = schedule && expectRates(metadata['schedule'], schedule)
  // nothing below can fail
  model.loadStateDict(weights)
  optimizer.loadStateDict(moments)
  if (rates) schedule.loadStateDict(rates)
  optimizer.lr = lr
  for (const [i, module] of model.descendants().entries()) module.callCount = counts[i]!
  noteEpochs(model, begunBy(position))
  return { position }
}

/** Where the next call of `fit` begins. */
function startOf(model: Module): FitPosition {
  const epochsBefore = epochsBegun(model)
  return { epoch: 0, batch: 0, ...(epochsBefore > 0 && { epochsBefore }) }
}

/** Epochs that a run has begun when it stands there. */
const begunBy = ({ epoch, batch, block = 0, epochsBefore = 0 }: FitPosition): number =>
  epochsBefore + epoch + Number(batch + block > 0)

type Metadata = Readonly<Record<string, string>>

function expectSameRun(metadata: Metadata, { runtime }: Module): void {
  const { format, seed, dtype, variant } = metadata
  if (format !== CHECKPOINT_FORMAT)
    fail('file', `readCheckpoint: format is ${describeValue(format)}; expected '${CHECKPOINT_FORMAT}'`)
  const unknown = Object.keys(metadata).find((name) => !METADATA.includes(name))
  if (unknown !== undefined) fail('file', `readCheckpoint: metadata has '${unknown}'; known are ${METADATA.join(', ')}`)
  if (seed !== String(runtime.seed) || dtype !== runtime.dtype) {
    const [before, now] = [`seed ${seed} and ${dtype}`, `${runtime.seed} and ${runtime.dtype}`]
    fail('file', `readCheckpoint: the run had ${before}; this runtime has ${now}`)
  }
  if (variant !== 'simd' && variant !== 'relaxed')
    fail('file', `readCheckpoint: variant is ${describeValue(variant)}; expected 'simd' or 'relaxed'`)
}

/** Refuses tensors that a checkpoint has none of, or whose elements are of another type than it has them in. */
function expectTensors(dict: StateDict, { runtime }: Module): void {
  const Real = runtime.dtype === 'float64' ? Float64Array : Float32Array
  for (const [name, { data }] of Object.entries(dict)) {
    if (!PREFIXES.some((prefix) => name.startsWith(prefix))) fail('file', `readCheckpoint: there is a tensor '${name}'`)
    const counts = name === 'optimizer.counters' || name === 'random.calls'
    const Expected = counts ? Float64Array : Real
    if (!(data instanceof Expected)) fail('file', `readCheckpoint: '${name}' is no ${Expected.name}`)
  }
}

function expectRate(text: string | undefined): number {
  const lr = Number(text)
  if (String(lr) !== text || !(lr >= 0 && lr < Infinity))
    fail('file', `readCheckpoint: lr is ${describeValue(text)}; expected a number >= 0`)
  return lr
}

function expectRates(text: string | undefined, schedule: Schedule): Record<string, number> {
  if (text === undefined) fail('file', 'readCheckpoint: there is no schedule in the file')
  const rates = parseObject('schedule', text, takeInfinite) as Record<string, number>
  asFile(() => schedule.expectState('readCheckpoint: schedule', rates))
  return rates
}

function expectCallCounts(dict: StateDict, modules: readonly Module[]): number[] {
  const { shape = [], data = [] } = dict['random.calls'] ?? {}
  if (shape.length !== 1 || shape[0] !== modules.length)
    fail('file', `readCheckpoint: the file is of ${data.length} modules; the model has ${modules.length}`)
  const other = Object.keys(dict).find((name) => name.startsWith('random.') && name !== 'random.calls')
  if (other !== undefined) fail('file', `readCheckpoint: there is a tensor '${other}'`)
  const counts = Array.from(data as ArrayLike<number>)
  const stray = counts.find((count) => !isCount(count))
  if (stray !== undefined) fail('file', `readCheckpoint: 'random.calls' holds ${stray}; expected whole numbers >= 0`)
  return counts
}

/** A position as JSON can hold it, and the best epoch's weights, which are tensors of the file. */
function splitPosition(position: FitPosition): { position: object; weights: StateDict } {
  const { stopping } = position
  if (!stopping?.best) return { position, weights: {} }
  const { weights, ...best } = stopping.best
  return { position: { ...position, stopping: { ...stopping, best } }, weights }
}

function joinPosition(text: string | undefined, weights: StateDict, model: Module): FitPosition {
  const position = parseObject('position', text) as unknown as FitPosition
  const { stopping } = position
  const best = stopping?.best
  if (!best && Object.keys(weights).length > 0)
    fail('file', 'readCheckpoint: there are weights of a best epoch, and none in position.stopping')
  const whole = best ? { ...position, stopping: { ...stopping, best: { ...best, weights } } } : position
  asFile(() => checkPosition('readCheckpoint: position', whole, model))
  return whole
}

/** Runs a check of what a file says: a wrong kind or value is the file's fault. */
function asFile(check: () => void): void {
  try {
    check()
  } catch (error) {
    if (!(error instanceof RetrogradError) || error.code === 'state-dict') throw error
    fail('file', error.message)
  }
}

function expectParts(who: string, parts: CheckpointParts, own: readonly string[]): void {
  expectOptions(who, parts, ['model', 'optimizer', 'schedule', ...own])
  const { model, optimizer, schedule } = parts
  expectModel(who, model)
  expectOptimizerOf(who, optimizer, model)
  if (schedule !== undefined) expectScheduleOf(who, schedule, optimizer)
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

function parseObject(name: string, text: string | undefined, revive?: Revive): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text ?? '', revive)
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>
  } catch {
    // said below
  }
  return fail('file', `readCheckpoint: ${name} is ${describeValue(text)}; expected an object as JSON`)
}
