import type { Module } from '../module/module.ts'
import type { Input } from '../module/options.ts'
import { adjoint } from '../program/adjoint.ts'
import { KIND } from '../program/format.ts'
import type { StepGraph } from '../program/graph.ts'
import { fail } from '../runtime/check.ts'
import type { Tensor } from '../runtime/tensor.ts'
import type { Layer } from '../unroll/layer.ts'
import type { Unrolled } from '../unroll/unrolled.ts'
import { type InspectOptions, Recording, expectInspected, expectOutput } from './recording.ts'

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
  const names = chosen(who, net, options.parameter)
  const recording = new Recording(who, net, input, options)
  try {
    return { gradients: instancesOf(recording, names) }
  } finally {
    recording.dispose()
  }
}

/** Public names of the parameters asked for. */
export function chosen(who: string, module: Unrolled, parameter: string | undefined): string[] {
  const names = module.parameters().map(({ name }) => name)
  if (parameter === undefined) return names
  if (names.includes(parameter)) return [parameter]
  return fail('option', `${who}: there is no parameter '${parameter}'; there are ${names.join(', ')}`)
}

/** A layer's adjoint with no other gradients by parameters than those of some public names. */
export function adjointByParameters({ graph, depth, params }: Layer, isWanted: (name: string) => boolean): StepGraph {
  const wanted = [...params].filter(([, { name }]) => isWanted(name)).map(([param]) => param)
  return adjoint(graph, { params: wanted, ...(depth === 0 && { inputs: [] }) })
}

/** Sums begin and go out step by step, each step's to a place of its own. */
export function instancesOf(recording: Recording, names: readonly string[]): Record<string, Tensor> {
  const { module, stack, steps } = recording
  const { runtime } = module
  const parameters = module.parameters().filter(({ name }) => names.includes(name))
  const tensors = new Map(parameters.map(({ name, value }) => [name, runtime.emptyTensor([steps, ...value.shape])]))
  const backward = recording.backward({
    kind: `instances ${names.join(' ')}`,
    make: (layer) => ({ graph: adjointByParameters(layer, (name) => names.includes(name)) }),
    outputs: 'chunk',
    stepwise: true,
    gradient: (layer, param) => {
      const { name, value } = stack.layers[layer]!.params.get(param)!
      return { base: tensors.get(name)!.address, stride: value.size * runtime.elementBytes, kind: KIND.TIMED }
    },
  })
  backward.run()
  backward.dispose()
  return Object.fromEntries(tensors)
}
