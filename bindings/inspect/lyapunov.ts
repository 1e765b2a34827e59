import type { Module } from '../module/module.ts'
import type { Input } from '../module/options.ts'
import type { NamedStates, State } from '../module/state.ts'
import { expectOptions, expectPositive, fail } from '../runtime/check.ts'
import type { Tensor } from '../runtime/tensor.ts'
import type { Unrolled } from '../unroll/unrolled.ts'
import { expectCausal, expectUnrolled } from './options.ts'
import { pullBack } from './products.ts'
import { disposeTensors } from './tensors.ts'
import { Trajectory } from './trajectory.ts'
import { lengthOf, partsOf, unitVectors } from './vectors.ts'

export interface LyapunovOptions {
  /** The state before the first step; zeros if left out. */
  state?: State
  /** How many exponents, the greatest first; all if left out. */
  count?: number
  /** Steps between two orthonormalisations; 1 if left out. More are faster, and lose exponents that lie far apart. */
  every?: number
}

export interface LyapunovSpectrum {
  /** The mean over the samples, in nats per step, in the order of the decomposition: the greatest first, up to transients. */
  readonly exponents: Float64Array
  /** [sample][exponent]. */
  readonly perSample: Float64Array[]
}

/**
 * The Lyapunov exponents along the trajectory that the input drives, by QR decomposition. Vectors are pulled back from the last step to
 * the first by transposed Jacobians: their products have the singular values of those forward. The state is all that later steps
 * depend on, pasts of delayed reads included. Causal modules, without dropout.
 *
 * @see Benettin et al. 1980; Vogt et al. 2022, https://arxiv.org/abs/2006.14123 (for recurrent nets)
 */
export function lyapunovSpectrum(module: Module, input: Input, options: LyapunovOptions = {}): LyapunovSpectrum {
  const who = 'lyapunovSpectrum'
  expectOptions(who, options, ['state', 'count', 'every'])
  const net = expectUnrolled(who, module)
  expectCausal(who, net)
  const N = lengthOf(partsOf(net, true))
  const count = expectPositive(who, 'count', options.count ?? N)
  if (count > N) fail('range', `${who}: count is ${count}; the state has ${N} dimensions`)
  const every = expectPositive(who, 'every', options.every ?? 1)
  return new Trajectory(who, net, input, options.state).look((trajectory) =>
    spectrumAlong(who, net, trajectory, count, every),
  )
}

function spectrumAlong(
  who: string,
  net: Unrolled,
  trajectory: Trajectory,
  count: number,
  every: number,
): LyapunovSpectrum {
  const parts = partsOf(net, true)
  const N = lengthOf(parts)
  const vectors = unitVectors(net.runtime, trajectory.batch, count, N)
  const logs = net.runtime.heap.allocateZeros(trajectory.batch * count * 8, 'logarithms of growth')
  const stops = statesEvery(trajectory, every)
  for (const [from, before] of [...stops].reverse()) {
    pullBack(who, net, trajectory, { from, to: Math.min(from + every, trajectory.steps), before }, parts, vectors)
    orthonormalise(vectors, logs.address)
  }
  for (const before of stops.values()) disposeTensors(before)
  vectors.dispose()
  const sums = new Float64Array(net.runtime.heap.buffer, logs.address, trajectory.batch * count).slice()
  logs.dispose()
  return spectrum(sums, trajectory, count)
}

/** The states before every `every`-th step. */
function statesEvery(trajectory: Trajectory, every: number): Map<number, NamedStates> {
  const stops = new Map<number, NamedStates>()
  let before: NamedStates | undefined
  for (let from = 0; from < trajectory.steps; from += every) {
    before = before === undefined ? trajectory.stateAt(0) : trajectory.stateAfter(from - every, from, before)
    stops.set(from, before)
  }
  return stops
}

function orthonormalise(vectors: Tensor, logs: number): void {
  const { core, elementBytes } = vectors.runtime
  const [batch, count, N] = vectors.shape as [number, number, number]
  for (let b = 0; b < batch; b++)
    core.orthonormaliseLogs(count, N, vectors.address + b * count * N * elementBytes, logs + b * count * 8)
}

function spectrum(sums: Float64Array, { batch, steps }: Trajectory, count: number): LyapunovSpectrum {
  const perSample = Array.from({ length: batch }, (_, b) =>
    sums.slice(b * count, (b + 1) * count).map((sum) => sum / steps),
  )
  const exponents = Float64Array.from(
    { length: count },
    (_, i) => perSample.reduce((sum, own) => sum + own[i]!, 0) / batch,
  )
  return { exponents, perSample }
}
