import { type CellSpec, expectCell } from '../module/cell.ts'
import { expectBoolean, expectOptions, fail } from '../runtime/check.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { Unrolled } from '../unroll/unrolled.ts'

export interface RecurrentModuleOptions extends CellSpec {
  batchFirst?: boolean
}

/**
 * Any cell, unrolled over time. Parameters, states and inputs bear the cell's own names; inputs are [T, B, n] (several
 * as an object by name), states [B, n].
 */
export class Recurrent extends Unrolled {
  declare readonly options: Readonly<RecurrentModuleOptions & { batchFirst: boolean }>

  constructor(runtime: Runtime, options: RecurrentModuleOptions) {
    expectOptions('Recurrent', options, ['cell', 'sizes', 'init', 'batchFirst'])
    const { batchFirst = false } = options
    expectBoolean('Recurrent', 'batchFirst', batchFirst)
    const { sized, starts } = expectCell('Recurrent', options)
    if (sized.inputs.size === 0)
      fail('cell', 'Recurrent: the cell has no input; an unrolling takes its number of steps from one')
    super(runtime, {
      type: 'Recurrent',
      options: { ...options, batchFirst },
      layers: [[sized]],
      batchFirst,
      boundOf: (param, shape) => starts(param, shape, runtime),
    })
  }
}
