import { type Cell, type Initial, sizeCell } from '../program/trace.ts'
import { describeValue, expectBoolean, expectNumber, expectOptions, fail } from '../runtime/check.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { Unrolled } from './unrolled.ts'

export interface RecurrentModuleOptions {
  /** Made by `defineCell`. */
  cell: Cell
  /** Numbers for the sizes that the cell names: { H: 128 }. */
  sizes?: Readonly<Record<string, number>>
  /**
   * Initial values by parameter: one number for all its elements, or [low, high] for draws from U(low, high). The others
   * start as the cell says, else from U(±1/√fan_in).
   */
  init?: Readonly<Record<string, Initial>>
  batchFirst?: boolean
}

/**
 * Any cell, unrolled over time. Parameters, states and inputs bear the cell's own names; inputs are [T, B, n] (several
 * as an object by name), states [B, n].
 */
export class Recurrent extends Unrolled {
  constructor(runtime: Runtime, options: RecurrentModuleOptions) {
    expectOptions('Recurrent', options, ['cell', 'sizes', 'init', 'batchFirst'])
    const { cell, sizes = {}, init = {}, batchFirst = false } = options
    if (typeof cell?.step !== 'function') fail('type', 'Recurrent: cell is not made by defineCell')
    if (Object.keys(cell.input).length === 0)
      fail('cell', 'Recurrent: the cell has no input; an unrolling takes its number of steps from one')
    expectOptions('Recurrent: init', init, Object.keys(cell.params))
    expectBoolean('Recurrent', 'batchFirst', batchFirst)
    const sized = sizeCell(cell, sizes)
    const starts = { ...cell.initial, ...init }
    for (const [name, start] of Object.entries(starts)) expectStart(name, start)
    super(runtime, {
      layers: [[sized]],
      batchFirst,
      boundOf: (param, shape) => {
        const start = Object.hasOwn(starts, param) ? starts[param] : undefined
        if (start === undefined) return 1 / runtime.core.squareRoot(shape.at(-1)!)
        return typeof start === 'number' ? [start, start] : start
      },
    })
  }
}

function expectStart(name: string, start: unknown): void {
  const numbers = Array.isArray(start) ? start : [start, start]
  for (const number of numbers) expectNumber('Recurrent: init', name, number)
  if (numbers.length === 2 && numbers[0] <= numbers[1]) return
  fail(
    'option',
    `Recurrent: init: ${name} is ${describeValue(start)}; expected a number, or [low, high] with low <= high`,
  )
}
