/** What belongs to what: an optimiser to a model, a schedule to an optimiser. */
import type { Module } from '../../module/module.ts'
import { fail } from '../../runtime/check.ts'
import { type Optimizer, expectOptimizer } from './optimizer.ts'
import { type Schedule, expectSchedule } from './schedules/schedule.ts'

/**
 * Refuses an optimiser that would move what training the model gives no gradients: all its parameters must be the model's. It may leave
 * out some of them, and some may be frozen.
 */
export function expectOptimizerOf(who: string, optimizer: Optimizer, model: Module): void {
  expectOptimizer(who, optimizer)
  optimizer.expectAlive(who)
  const own = new Set(model.blocks())
  const foreign = optimizer.blocks().filter((block) => !own.has(block))
  if (foreign.length === 0) return
  const which = foreign.length === optimizer.blocks().length ? 'another model' : "parts that are not the model's"
  fail('option', `${who}: optimizer is of ${which}; expected one made of the model, or of parts of it`)
}

/** Refuses a schedule that moves another optimiser's rate. */
export function expectScheduleOf(who: string, schedule: Schedule, optimizer: Optimizer): void {
  expectSchedule(who, schedule)
  if (schedule.optimizer !== optimizer)
    fail('option', `${who}: schedule is of another optimiser; expected one made of the given optimizer`)
}
