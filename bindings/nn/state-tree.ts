/** Going through states: tensors by name, or the list of a Sequential's states, which may hold further lists. */
import type { Tensor } from '../runtime/tensor.ts'
import type { State } from './module.ts'

/** A state's tensors with their paths: 'h', or '2.h' in a list's third entry. */
export function stateTensors(state: State | undefined, path = ''): [string, Tensor][] {
  if (state === undefined) return []
  if (!Array.isArray(state)) return Object.entries(state).map(([name, tensor]) => [path + name, tensor])
  return state.flatMap((entry, i) => stateTensors(entry, `${path}${i}.`))
}

/** A state whose tensors belong to the caller. */
export function cloneState(state: State | undefined): State | undefined {
  if (state === undefined) return undefined
  if (Array.isArray(state)) return state.map(cloneState)
  return Object.fromEntries(Object.entries(state).map(([name, tensor]) => [name, tensor.clone()]))
}
