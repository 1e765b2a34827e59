/** Vectors times the transposed Jacobian of a stretch of steps: the heart of Jacobians and Lyapunov spectra. */
import type { NamedStates } from '../module/state.ts'
import { adjoint } from '../program/adjoint.ts'
import type { Tensor } from '../runtime/tensor.ts'
import { isPorted } from '../unroll/backward-call.ts'
import type { Layer } from '../unroll/layer.ts'
import type { Unrolled } from '../unroll/unrolled.ts'
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
  const { runtime, stack } = module
  const [batch, count] = vectors.shape as [number, number]
  const input = trajectory.slice(stretch.from, stretch.to, count)
  const state = mapTensors(stretch.before, (tensor) => repeatSamples(tensor, tensor.shape.length - 2, count))
  const seeds = module.initialState(batch * count) as Record<string, Tensor>
  const recording = new Recording(who, module, input, { state })
  exchange(runtime, parts, { batch, count }, vectors.address, seeds, 'spread')
  const make = ({ graph, depth }: Layer) => ({
    graph: adjoint(graph, { params: [], ...(depth === 0 && { inputs: [] }) }),
  })
  const backward = recording.plan(
    {
      kind: 'states',
      programs: stack.programs.custom('states', make, 'chunk'),
      inputGradient: false,
      ported: isPorted(stack, recording.data.call),
    },
    seeds,
  )
  recording.run(backward)
  exchange(runtime, parts, { batch, count }, vectors.address, backward.states, 'gather')
  recording.release(backward)
  recording.dispose()
  for (const tensors of [input, state, seeds]) disposeTensors(tensors)
}
