import { Tensor } from '../runtime/tensor.ts'
import type { EquilibriumCall } from './call.ts'

/** Keeps these draws apart from a module's others. */
const STREAM = 0x4a41_0000

/**
 * Random vectors ε for a call's penalty, E ‖Jᵀε‖² = ‖J‖²: normal draws [T · B, n] each, keyed by (seed, module, count of the call, number
 * of the vector). They live until the call is run again.
 */
export function drawNoise(call: EquilibriumCall, module: number, count: number): readonly Tensor[] {
  const { runtime, graphs } = call.model.programs
  const { samples } = call.model.penalty
  const shape = [call.rows.all, graphs.columns]
  const noise = call.memory.once('noise', (scope) => {
    // an odd draw makes one number more
    const bytes = (call.rows.all * graphs.columns + 1) * runtime.elementBytes
    const { memory, at } = scope.rooms('random vectors', { noise: Array.from({ length: samples }, () => bytes) })
    return at.noise.map((address) => new Tensor(runtime, memory, address, shape, 'float'))
  })
  const [low, high] = [runtime.seed >>> 0, Math.floor(runtime.seed / 2 ** 32)]
  for (const [i, { size, address }] of noise.entries())
    runtime.core.fillNormal(size, 0, 1, low, high, module, STREAM + count * samples + i, address)
  return noise
}

/** The estimate of mean ‖J‖² / n over all rows that are a sample's own. */
export function penaltyOf(call: EquilibriumCall, inputs: readonly Tensor[], noise: readonly Tensor[]): number {
  const { core } = call.model.programs.runtime
  const { padding, rows } = call
  if (rows.own === 0) return 0
  const side = call.penalty()
  let total = 0
  for (const epsilon of noise) {
    side.run([...call.leaves(inputs), epsilon.address])
    total += padding ? core.dot(rows.all, side.result, padding.mask) : core.total(rows.all, side.result)
  }
  return total / (rows.own * noise.length)
}
