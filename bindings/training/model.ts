import { type ForwardOptions, type ForwardResult, Module } from '../nn/module.ts'
import { describeValue, fail } from '../runtime/check.ts'
import type { Tensor } from '../runtime/tensor.ts'

export function expectModel(who: string, model: Module): void {
  if (!(model instanceof Module)) fail('type', `${who}: model is ${describeValue(model)}; expected a module`)
}

/** Runs a model with those options that are given: without lengths it is not told of any. */
export function forwardWith(
  model: Module,
  input: Tensor,
  options: Pick<ForwardOptions, 'lengths' | 'state' | 'tape'>,
): ForwardResult {
  return model.forward(input, Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)))
}
