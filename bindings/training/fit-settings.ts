/** The checks of what `fit` is given. */
import type { Module } from '../module/module.ts'
import type { Truncation } from '../module/truncation.ts'
import { describeValue, expectNumber, expectOneOf, expectOptions, expectPositive, fail } from '../runtime/check.ts'
import { checkTruncation } from './blocks.ts'
import { checkStopping } from './early-stopping.ts'
import type { FitOptions, FitPosition } from './fit-options.ts'
import { expectLoss } from './losses/loss.ts'
import { checkMetrics } from './metrics.ts'
import { expectModel } from './model.ts'
import { expectOptimizer } from './optimizers/optimizer.ts'
import { expectSchedule } from './optimizers/schedules/schedule.ts'

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
  readonly truncation: Required<Truncation> | undefined
}

/** Refuses options that are unknown or do not go together. */
export function checkOptions(model: Module, options: FitOptions): FitSettings {
  expectModel('fit', model)
  expectOptions('fit', options, FIT_OPTIONS)
  const { loss, optimizer, schedule, clip, validation, patience, onNonFinite, batchSize, seed, from, truncation } =
    options
  expectLoss('fit', loss)
  expectOptimizer('fit', optimizer)
  if (schedule !== undefined) expectSchedule('fit', schedule)
  if (patience !== undefined && !validation)
    fail('option', 'fit: patience is given without validation data to judge by')
  if (onNonFinite !== undefined) expectOneOf('fit', 'onNonFinite', onNonFinite, ['throw', 'skip'])
  if (clip) checkClip(clip)
  checkMetrics('fit', options.metrics, loss)
  if (batchSize !== undefined) expectPositive('fit', 'batchSize', batchSize)
  if (seed !== undefined) expectNumber('fit', 'seed', seed, 0)
  return {
    epochs: expectPositive('fit', 'epochs', options.epochs ?? 1),
    accumulate: expectPositive('fit', 'accumulate', options.accumulate ?? 1),
    patience: patience === undefined ? Infinity : expectPositive('fit', 'patience', patience),
    from: checkPosition(from, model),
    truncation: truncation === undefined ? undefined : checkTruncation(model, truncation),
  }
}

function checkClip(clip: object): void {
  expectOptions('fit: clip', clip, ['norm', 'value'])
  if (Object.keys(clip).length !== 1) {
    fail('option', 'fit: clip has both norm and value, or neither; expected one of them')
  }
}

function checkPosition(from: FitPosition = { epoch: 0, batch: 0 }, model: Module): FitPosition {
  expectOptions('fit: from', from, ['epoch', 'batch', 'block', 'sums', 'stopping'])
  for (const name of ['epoch', 'batch', 'block'] as const) {
    const count = name === 'block' ? (from.block ?? 0) : from[name]
    if (!(Number.isSafeInteger(count) && count >= 0))
      fail('option', `fit: from.${name} is ${describeValue(count)}; expected a whole number >= 0`)
  }
  if (from.block) {
    const remedy = 'write checkpoints where position.block is undefined, or leave it out to begin that batch again'
    fail('option', `fit: from.block is ${from.block}: the states in the middle of a series are lost; ${remedy}`)
  }
  for (const [name, tally] of Object.entries(from.sums ?? {})) {
    if (!Number.isFinite(tally?.sum) || !Number.isFinite(tally?.count))
      fail('option', `fit: from.sums.${name} is no { sum, count }; expected what onProgress or readCheckpoint gave`)
  }
  if (from.stopping) checkStopping('fit: from.stopping', from.stopping, model)
  return from
}
