/** States: tensors by name, or the list of a container's states, which may hold further lists. */
import type { Tensor } from '../runtime/tensor.ts'

/** States by name; of a Sequential, the list of its layers' states. */
export type State = { [name: string]: Tensor } | (State | undefined)[]

/** States of one module that unrolls or solves: no list. */
export type NamedStates = Readonly<Record<string, Tensor>>

export function mapStates(states: NamedStates, map: (tensor: Tensor, index: number) => Tensor): NamedStates {
  return Object.fromEntries(Object.entries(states).map(([name, tensor], i) => [name, map(tensor, i)]))
}

/** Copies states to where `into` has room for them; gives those of `into`. */
export function copyStates(states: NamedStates, into: NamedStates): NamedStates {
  return Object.fromEntries(
    Object.entries(states).map(([name, { runtime, address, size }]) => {
      runtime.core.copyBytes(into[name]!.address, address, size * runtime.elementBytes)
      return [name, into[name]!]
    }),
  )
}

/** A state's tensors with their paths: 'h', or '2.h' in a list's third entry. */
export function stateTensors(state: State | undefined, path = ''): [string, Tensor][] {
  if (state === undefined) return []
  if (!Array.isArray(state)) return Object.entries(state).map(([name, tensor]) => [path + name, tensor])
  return state.flatMap((entry, i) => stateTensors(entry, `${path}${i}.`))
}

/** A state of the same form with other tensors. */
export function mapTensors(state: State, map: (tensor: Tensor) => Tensor): State {
  if (Array.isArray(state)) return state.map((entry) => entry && mapTensors(entry, map))
  return { ...mapStates(state, map) }
}

/** A state whose tensors belong to the caller. */
export const cloneState = (state: State | undefined): State | undefined =>
  state && mapTensors(state, (tensor) => tensor.copy())
