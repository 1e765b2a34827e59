import type { Module } from '../module/module.ts'
import type { Input } from '../module/options.ts'
import { KIND } from '../program/format.ts'
import type { Tensor } from '../runtime/tensor.ts'
import { byParameters } from './adjoints.ts'
import { type InspectOptions, expectInspected, expectOutput, expectParameter, parameterNames } from './options.ts'
import { Recording } from './recording.ts'

export interface InstanceOptions extends InspectOptions {
  /** One parameter's name; all if left out. */
  parameter?: string
}

/**
 * The gradient of each parameter by its instances: ∇W^(t), the part that the use of W at step t adds. Their sum over t is the shared
 * parameter's gradient.
 *
 * @returns by name tensors [T, …shape] that belong to the caller
 */
export function instanceGradients(
  module: Module,
  input: Input,
  options: InstanceOptions,
): { gradients: Record<string, Tensor> } {
  const who = 'instanceGradients'
  const net = expectInspected(who, module, options, ['parameter'])
  expectOutput(who, options)
  const { parameter } = options
  const names = parameter === undefined ? parameterNames(net) : [expectParameter(who, net, parameter)]
  return new Recording(who, net, input, options).look((recording) => ({ gradients: instancesOf(recording, names) }))
}

/** Sums begin and go out step by step, each step's to a place of its own. */
export function instancesOf(recording: Recording, names: readonly string[]): Record<string, Tensor> {
  const { module, stack, steps } = recording
  const { runtime } = module
  const parameters = module.parameters().filter(({ name }) => names.includes(name))
  const tensors = new Map(parameters.map(({ name, value }) => [name, runtime.emptyTensor([steps, ...value.shape])]))
  const gradient = (layer: number, param: string) => {
    const { name, value } = stack.layers[layer]!.params.get(param)!
    return { base: tensors.get(name)!.address, stride: value.size * runtime.elementBytes, kind: KIND.TIMED }
  }
  return recording.runBackward({ ...byParameters(names), stepwise: true, gradient }, () => Object.fromEntries(tensors))
}
