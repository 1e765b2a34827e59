/** Vectors times the transposed Jacobian of a stretch of steps: the heart of Jacobians and Lyapunov spectra. */
import { type NamedStates, mapStates } from '../module/state.ts'
import type { Tensor } from '../runtime/tensor.ts'
import type { Unrolled } from '../unroll/unrolled.ts'
import { byParameters } from './adjoints.ts'
import { Recording } from './recording.ts'
import { disposeTensors, repeatSamples } from './tensors.ts'
import type { Trajectory } from './trajectory.ts'
import { type Part, exchange } from './vectors.ts'

export interface Stretch {
  readonly from: number
  readonly to: number
  /** States before step `from`, pasts included. */
  readonly before: NamedStates
}

/**
 * Overwrites vectors [B, count, N], gradients by the states after a stretch of steps, by those by the states before it. No parameter's
 * gradient is formed.
 */
export function pullBack(
  who: string,
  module: Unrolled,
  trajectory: Trajectory,
  stretch: Stretch,
  parts: readonly Part[],
  vectors: Tensor,
): void {
  const { runtime } = module
  const [batch, count] = vectors.shape as [number, number]
  const move = (states: NamedStates, direction: 'gather' | 'spread') =>
    exchange(runtime, parts, { batch, count }, vectors.address, states, direction)
  const input = trajectory.slice(stretch.from, stretch.to, count)
  const state = mapStates(stretch.before, (tensor) => repeatSamples(tensor, tensor.shape.length - 2, count))
  const seeds = module.initialState(batch * count) as NamedStates
  move(seeds, 'spread')
  new Recording(who, module, input, { state }).look((recording) =>
    recording.runBackward({ ...byParameters([]), state: seeds }, ({ states }) => move(states, 'gather')),
  )
  for (const tensors of [input, state, seeds]) disposeTensors(tensors)
}
