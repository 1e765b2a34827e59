import { ACTIVATIONS, type ActivationName } from '../cells/activations.ts'
import { expectOneOf, expectOptions } from '../runtime/check.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { Pointwise } from './pointwise.ts'

export interface ActivationOptions {
  name: ActivationName
}

/** An activation on every element of [T, B, n] or [B, n]. */
export class Activation extends Pointwise {
  declare readonly options: Readonly<ActivationOptions>

  constructor(runtime: Runtime, options: ActivationOptions) {
    expectOptions('Activation', options, ['name'])
    const name = expectOneOf('Activation', 'name', options.name, Object.keys(ACTIVATIONS) as ActivationName[])
    super(runtime, 'Activation', { name }, ACTIVATIONS[name])
  }
}
