/** Forward with its derivative along a direction: the tangent programs of a stack, run through time as forward is. */
import { tangentName } from '../program/tangent.ts'
import type { Tensor } from '../runtime/tensor.ts'
import { type ForwardSpec, portedFor } from './forward-spec.ts'
import { tangentKey } from './programs.ts'
import { type CallShape, type Stack, parameterEntry } from './stack.ts'

export interface TangentRequest {
  /** Does the module's input have a direction? */
  readonly input: boolean
  /** Directions of parameters by their public names, in their shapes; the others stand still. */
  readonly parameters: Readonly<Record<string, Tensor>>
  /** Does each sample have a length of its own? */
  readonly lengths: boolean
}

/**
 * Inputs are those of the module, then their directions; outputs are its output and the derivative of that; every state has a twin
 * with its direction (`h` has `h.`, `past` has `past.`), zeros where none is given. Nothing is recorded. What is packed of a
 * direction belongs to the call that ran last: each one is prepared with `refresh`.
 */
export function tangentSpec(stack: Stack, shape: CallShape, request: TangentRequest): ForwardSpec {
  const { input, parameters, lengths } = request
  const ported = portedFor(stack, shape, lengths)
  const kind = { input, parameters: new Set(Object.keys(parameters)), ported }
  const directions = stack.layers.map(({ params }) => {
    const given = [...params].filter(([, { name }]) => Object.hasOwn(parameters, name))
    return new Map(given.map(([param, { name }]) => [tangentName(param), parameterEntry(parameters[name]!)]))
  })
  return {
    kind: tangentKey(kind),
    programs: stack.programs.tangent(kind),
    ported,
    lengths,
    keepsStates: true,
    parameter: (layer, param) => directions[layer]!.get(param),
  }
}
