/** The checks of what `fit` is given. */
import type { Module } from '../module/module.ts'
import type { Truncation } from '../module/truncation.ts'
import {
  describeValue,
  expectBoolean,
  expectNumber,
  expectOneOf,
  expectOptions,
  expectPositive,
  fail,
} from '../runtime/check.ts'
import { checkTruncation } from './blocks.ts'
import { epochsBegun } from './epochs.ts'
import type { FitOptions, FitPosition } from './fit-options.ts'
import { expectLoss } from './losses/loss.ts'
import { checkMetrics } from './metrics.ts'
import { expectModel } from './model.ts'
import { expectOptimizerOf, expectScheduleOf } from './optimizers/belonging.ts'
import { checkPosition } from './position.ts'

const FIT_OPTIONS = [
  'loss',
  'optimizer',
  'epochs',
  'batchSize',
  'truncation',
  'accumulate',
  'clip',
  'schedule',
  'validation',
  'metrics',
  'patience',
  'onNonFinite',
  'seed',
  'shuffle',
  'signal',
  'from',
  'onProgress',
]

/** Options once checked, with what stands for those left out. */
export interface FitSettings {
  readonly epochs: number
  readonly accumulate: number
  readonly patience: number
  readonly from: FitPosition
  /** Of earlier calls. */
  readonly epochsBefore: number
  readonly truncation: Required<Truncation> | undefined
}

/** Refuses options that are unknown or do not go together. */
export function checkOptions(model: Module, options: FitOptions): FitSettings {
  expectModel('fit', model)
  expectOptions('fit', options, FIT_OPTIONS)
  const { loss, optimizer, schedule, clip, validation, patience, onNonFinite, batchSize, seed, from, truncation } =
    options
  expectLoss('fit', loss)
  expectOptimizerOf('fit', optimizer, model)
  if (schedule !== undefined) expectScheduleOf('fit', schedule, optimizer)
  if (patience !== undefined && !validation)
    fail('option', 'fit: patience is given without validation data to judge by')
  if (onNonFinite !== undefined) expectOneOf('fit', 'onNonFinite', onNonFinite, ['throw', 'skip'])
  if (clip !== undefined) checkClip(clip)
  checkCalls(options)
  checkMetrics('fit', options.metrics, loss)
  if (batchSize !== undefined) expectPositive('fit', 'batchSize', batchSize)
  if (seed !== undefined) expectNumber('fit', 'seed', seed, 0)
  checkShuffle(options)
  return {
    epochs: expectPositive('fit', 'epochs', options.epochs ?? 1),
    accumulate: expectPositive('fit', 'accumulate', options.accumulate ?? 1),
    patience: patience === undefined ? Infinity : expectPositive('fit', 'patience', patience),
    from: checkFrom(from, model),
    epochsBefore: from === undefined ? epochsBegun(model) : (from.epochsBefore ?? 0),
    truncation: truncation === undefined ? undefined : checkTruncation('fit', model, truncation),
  }
}

function checkShuffle({ shuffle, seed }: FitOptions): void {
  if (shuffle === undefined || expectBoolean('fit', 'shuffle', shuffle) || seed === undefined) return
  fail('option', 'fit: seed is given and shuffle is false; expected one of them, for samples keep their order')
}

function checkClip(clip: object): void {
  expectOptions('fit: clip', clip, ['norm', 'value'])
  if (Object.keys(clip).length !== 1) {
    fail('option', 'fit: clip has both norm and value, or neither; expected one of them')
  }
  for (const [name, bound] of Object.entries(clip)) {
    if (!(typeof bound === 'number' && bound > 0))
      fail('option', `fit: clip.${name} is ${describeValue(bound)}; expected a number > 0`)
  }
}

function checkCalls({ signal, onProgress }: FitOptions): void {
  if (onProgress !== undefined && typeof onProgress !== 'function')
    fail('type', `fit: onProgress is ${describeValue(onProgress)}; expected a function`)
  if (signal !== undefined && typeof signal?.aborted !== 'boolean')
    fail('type', `fit: signal is ${describeValue(signal)}; expected an AbortSignal`)
}

function checkFrom(from: FitPosition = { epoch: 0, batch: 0 }, model: Module): FitPosition {
  checkPosition('fit: from', from, model)
  if (from.block) {
    const remedy = 'write checkpoints where position.block is undefined, or leave it out to begin that batch again'
    fail('option', `fit: from.block is ${from.block}: the states in the middle of a series are lost; ${remedy}`)
  }
  return from
}
