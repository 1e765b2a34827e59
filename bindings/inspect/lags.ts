import type { Module } from '../module/module.ts'
import type { Input } from '../module/options.ts'
import { describeValue, fail } from '../runtime/check.ts'
import { type InspectOptions, expectInspected, expectOutput, expectParameter } from './options.ts'
import { Recording } from './recording.ts'
import { type GradientParts, Sweeps } from './sweeps.ts'

export interface LagOptions extends InspectOptions {
  /** The parameter's name. */
  parameter: string
  /** The greatest lag that is told apart; all if left out. Each costs about one backward. */
  maxLag?: number
}

export interface HopOptions extends InspectOptions {
  parameter: string
  /** The greatest number of hops that is told apart; T - 1 if left out. */
  maxHops?: number
}

/**
 * A parameter's gradient by lag: part d comes by the paths that make d state transitions between the step where a gradient enters
 * and the step where the parameter is used. All parts together are the gradient.
 */
export function gradientByLag(module: Module, input: Input, options: LagOptions): GradientParts {
  return gradientParts('gradientByLag', module, input, options, 'maxLag', false)
}

/** The same by hops: state edges on a path, each of them one, however many steps it spans. */
export function gradientByHops(module: Module, input: Input, options: HopOptions): GradientParts {
  return gradientParts('gradientByHops', module, input, options, 'maxHops', true)
}

function gradientParts(
  who: string,
  module: Module,
  input: Input,
  options: LagOptions & HopOptions,
  limit: 'maxLag' | 'maxHops',
  byHops: boolean,
): GradientParts {
  const net = expectInspected(who, module, options, ['parameter', limit])
  expectOutput(who, options)
  if (options.parameter === undefined) fail('option', `${who}: parameter is missing; expected a parameter's name`)
  const name = expectParameter(who, net, options.parameter)
  const wanted = expectLimit(who, limit, options[limit])
  return new Recording(who, net, input, options).look((recording) =>
    new Sweeps(recording, name, byHops).measure(Math.min(wanted, longestPath(recording)) + 1),
  )
}

function expectLimit(who: string, name: string, limit: unknown): number {
  if (limit === undefined) return Infinity
  if (Number.isSafeInteger(limit) && (limit as number) >= 0) return limit as number
  return fail('option', `${who}: ${name} is ${describeValue(limit)}; expected a whole number >= 0`)
}

/** In one direction a path only goes on in time; with two, each layer may send it from one end to the other. */
function longestPath({ steps, stack: { layers, directions } }: Recording): number {
  return (directions === 2 ? layers.length / 2 : 1) * (steps - 1)
}
