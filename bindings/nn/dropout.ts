import { dropout } from '../program/ops/dropout.ts'
import { expectNumber, expectOptions } from '../runtime/check.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { Pointwise } from './pointwise.ts'

export interface DropoutOptions {
  /** The share of elements that become 0 in training; 0.5 if left out. */
  p?: number
}

/** In training keeps each element with probability 1 - p, scaled by 1 / (1 - p); in evaluation passes all. @see torch.nn.Dropout */
export class Dropout extends Pointwise {
  declare readonly options: Readonly<Required<DropoutOptions>>

  constructor(runtime: Runtime, options: DropoutOptions = {}) {
    expectOptions('Dropout', options, ['p'])
    const p = expectNumber('Dropout', 'p', options.p ?? 0.5, 0, 1)
    super(runtime, 'Dropout', { p }, (x) => dropout(x, p))
  }
}
