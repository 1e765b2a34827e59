import { type Cell, sizeCell } from '../program/trace.ts'
import { expectBoolean, expectNumber, expectOptions, fail } from '../runtime/check.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { Unrolled } from './unrolled.ts'

export interface RecurrentModuleOptions {
  /** Made by `defineCell`. */
  cell: Cell
  /** Numbers for the sizes that the cell names: { H: 128 }. */
  sizes?: Readonly<Record<string, number>>
  /** Initial values by parameter: one number for all its elements. The others are drawn from U(±1/√fan_in). */
  init?: Readonly<Record<string, number>>
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
    super(runtime, {
      layers: [[sized]],
      batchFirst,
      boundOf: (_param, shape) => 1 / runtime.core.squareRoot(shape.at(-1)!),
    })
    for (const { name, value } of this.parameters()) {
      if (Object.hasOwn(init, name)) value.data.fill(expectNumber('Recurrent: init', name, init[name]))
    }
  }
}
