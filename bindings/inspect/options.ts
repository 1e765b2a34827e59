/** What instruments are asked for, and what they refuse before anything is run. */
import type { Lengths } from '../module/lengths.ts'
import type { Module } from '../module/module.ts'
import type { State } from '../module/state.ts'
import { describeValue, expectOptions, fail } from '../runtime/check.ts'
import type { Tensor } from '../runtime/tensor.ts'
import { Unrolled } from '../unroll/unrolled.ts'

export interface InspectOptions {
  /** The state before the first step; zeros if left out. */
  state?: State
  /** Steps of each sample; all T if left out. */
  lengths?: Lengths
  /** The gradient of the loss by the module's output. */
  output?: Tensor
}

const INSPECT_OPTIONS = ['state', 'lengths', 'output']

/** @param own names of the options beside those that every instrument takes */
export function expectInspected(
  who: string,
  module: Module,
  options: InspectOptions,
  own: readonly string[],
): Unrolled {
  expectOptions(who, options, [...INSPECT_OPTIONS, ...own])
  return expectUnrolled(who, module)
}

/** Refuses what is not one recurrent module: of a Sequential, its layers are inspected one by one. */
export function expectUnrolled(who: string, module: Module): Unrolled {
  if (module instanceof Unrolled && module.hasState) return module
  const given = module instanceof Object ? `a ${module.constructor.name}` : describeValue(module)
  return fail(
    'type',
    `${who}: module is ${given}; expected an RNN, LSTM, GRU or Recurrent (of a Sequential, one of its modules)`,
  )
}

/** The gradient by the output, where an instrument cannot do without. */
export function expectOutput(who: string, { output }: InspectOptions): void {
  if (output === undefined)
    fail('type', `${who}: output is missing; expected the loss's gradient by the module's output`)
}

/** @param because what a module of two directions lacks */
export function expectCausal(who: string, module: Unrolled, because = 'expected a causal one'): void {
  if (!module.isCausal) fail('unsupported', `${who}: the module is bidirectional; ${because}`)
}

/** The public name of one of the module's parameters. */
export function expectParameter(who: string, module: Unrolled, parameter: string): string {
  const names = parameterNames(module)
  if (names.includes(parameter)) return parameter
  return fail('option', `${who}: there is no parameter '${parameter}'; there are ${names.join(', ')}`)
}

export const parameterNames = (module: Module): string[] => module.parameters().map(({ name }) => name)
