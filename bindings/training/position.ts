/** Where a run stands, as it is given by a user or a file. */
import type { Module } from '../module/module.ts'
import { describeValue, expectOptions, fail } from '../runtime/check.ts'
import { checkStopping } from './early-stopping.ts'
import type { FitPosition } from './fit-options.ts'

/** Refuses what is no position in training this model. */
export function checkPosition(who: string, position: FitPosition, model: Module): void {
  expectOptions(who, position, ['epoch', 'batch', 'block', 'sums', 'stopping', 'epochsBefore'])
  for (const name of ['epoch', 'batch', 'block', 'epochsBefore'] as const) {
    const { [name]: count = name === 'epoch' || name === 'batch' ? undefined : 0 } = position
    if (!isCount(count)) fail('option', `${who}.${name} is ${describeValue(count)}; expected a whole number >= 0`)
  }
  const { sums, stopping } = position
  if (sums !== undefined) checkSums(`${who}.sums`, sums)
  if (stopping !== undefined) checkStopping(`${who}.stopping`, stopping, model)
}

function checkSums(who: string, sums: NonNullable<FitPosition['sums']>): void {
  if (sums === null || typeof sums !== 'object' || Array.isArray(sums))
    fail('option', `${who} is ${describeValue(sums)}; expected { loss: { sum, count } }`)
  for (const [name, tally] of Object.entries(sums)) {
    expectOptions(`${who}.${name}`, tally, ['sum', 'count'])
    if (!Number.isFinite(tally.sum) || !(Number.isFinite(tally.count) && tally.count >= 0))
      fail('option', `${who}.${name} is no { sum, count }; expected what onProgress or readCheckpoint gave`)
  }
}

export const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
