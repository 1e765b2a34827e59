/** Vectors times the transposed Jacobian of a stretch of steps: the heart of Jacobians and Lyapunov spectra. */
import type { NamedStates } from '../module/state.ts'
import type { Tensor } from '../runtime/tensor.ts'
import type { Unrolled } from '../unroll/unrolled.ts'
import { adjointByParameters } from './instances.ts'
import { Recording } from './recording.ts'
import { type Trajectory, disposeTensors, mapTensors } from './trajectory.ts'
import { type Part, exchange, repeatSamples } from './vectors.ts'

/** A trajectory is taken apart and repeated: draws that depend on step and row would not stay the same. */
export function withoutDropout<Result>(module: Unrolled, run: () => Result): Result {
  const { training } = module
  module.eval()
  try {
    return run()
  } finally {
    if (training) module.train()
  }
}

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
  const input = trajectory.slice(stretch.from, stretch.to, count)
  const state = mapTensors(stretch.before, (tensor) => repeatSamples(tensor, tensor.shape.length - 2, count))
  const seeds = module.initialState(batch * count) as Record<string, Tensor>
  const recording = new Recording(who, module, input, { state })
  exchange(runtime, parts, { batch, count }, vectors.address, seeds, 'spread')
  const backward = recording.backward({
    kind: 'states',
    make: (layer) => ({ graph: adjointByParameters(layer, () => false) }),
    outputs: 'chunk',
    state: seeds,
  })
  backward.run()
  exchange(runtime, parts, { batch, count }, vectors.address, backward.call.states, 'gather')
  backward.dispose()
  recording.dispose()
  for (const tensors of [input, state, seeds]) disposeTensors(tensors)
}
