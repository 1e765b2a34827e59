/** A user's cell as a module takes it: with its sizes, and where its parameters start. */
import { expectForm } from '../program/cell-form.ts'
import { type Cell, type Initial, type SizedCell, sizeCell } from '../program/trace.ts'
import { describeValue, expectNumber, expectOptions, expectPositive, fail, isRecord } from '../runtime/check.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Bound } from './parameters.ts'

export interface CellSpec {
  /** Made by `defineCell`. */
  cell: Cell
  /** Numbers for the sizes that the cell names: { H: 128 }. */
  sizes?: Readonly<Record<string, number>>
  /**
   * Initial values by parameter: one number for all its elements, or [low, high] for draws from U(low, high). The others
   * start as the cell says, else from U(±1/√fan_in).
   */
  init?: Readonly<Record<string, Initial>>
}

export interface ChosenCell {
  readonly sized: SizedCell
  /** As the options say, else as the cell does, else U(±1/√fan_in). */
  starts(param: string, shape: readonly number[], runtime: Runtime): Bound
}

export function expectCell(who: string, { cell, sizes = {}, init = {} }: CellSpec): ChosenCell {
  if (typeof cell?.step !== 'function') fail('type', `${who}: cell is not made by defineCell`)
  expectForm(who, cell)
  if (!isRecord(sizes)) fail('type', `${who}: sizes is ${describeValue(sizes)}; expected numbers by name`)
  for (const [name, size] of Object.entries(sizes)) expectPositive(`${who}: sizes`, name, size)
  expectOptions(`${who}: init`, init, Object.keys(cell.params))
  const given = { ...cell.initial, ...init }
  for (const [name, start] of Object.entries(given)) expectStart(who, name, start)
  const starts = (param: string, shape: readonly number[], runtime: Runtime): Bound => {
    const start = Object.hasOwn(given, param) ? given[param] : undefined
    if (start === undefined) return 1 / runtime.core.squareRoot(shape.at(-1)!)
    return typeof start === 'number' ? [start, start] : start
  }
  return { sized: sizeCell(cell, sizes), starts }
}

function expectStart(who: string, name: string, start: unknown): void {
  const numbers = Array.isArray(start) ? start : [start, start]
  for (const number of numbers) expectNumber(`${who}: init`, name, number)
  if (numbers.length === 2 && numbers[0] <= numbers[1]) return
  fail('option', `${who}: init: ${name} is ${describeValue(start)}; expected a number, or [low, high] with low <= high`)
}
