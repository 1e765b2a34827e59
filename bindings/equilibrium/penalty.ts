/** The penalty on the Jacobian: weight · mean ‖J‖² / n, estimated with random vectors. */
import { expectNumber, expectOptions, expectPositive, fail } from '../runtime/check.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { type Tensor, sizeOf } from '../runtime/tensor.ts'
import type { ForwardCall } from './forward-call.ts'

/** Keeps these draws apart from a module's others. */
const STREAM = 0x4a41_0000

export interface PenaltyOptions {
  readonly weight: number
  /** Random vectors for each sample. */
  readonly samples: number
}

export function expectPenalty(given: { weight: number; samples?: number } | undefined): PenaltyOptions {
  if (given === undefined) return { weight: 0, samples: 1 }
  expectOptions('DEQ: jacobianPenalty', given, ['weight', 'samples'])
  return {
    weight: expectNumber('DEQ: jacobianPenalty', 'weight', given.weight, 0, Number.MAX_VALUE),
    samples: expectSamples(given.samples ?? 1),
  }
}

/** Each is a whole [T · B, n]. */
const MOST_SAMPLES = 4096

function expectSamples(samples: number): number {
  if (expectPositive('DEQ: jacobianPenalty', 'samples', samples) <= MOST_SAMPLES) return samples
  return fail('option', `DEQ: jacobianPenalty: samples is ${samples}; expected at most ${MOST_SAMPLES}`)
}

/** The random vectors ε of a module's calls: E ‖Jᵀε‖² = ‖J‖². */
export class Noise {
  readonly #runtime: Runtime
  readonly #module: number
  readonly #samples: number
  #own: Tensor[] = []

  /** @param module the ordinal that keys the module's draws */
  constructor(runtime: Runtime, module: number, samples: number) {
    this.#runtime = runtime
    this.#module = module
    this.#samples = samples
  }

  /** Normal draws [T · B, n], keyed by (seed, module, call, number of the vector); the caller's where they are kept. */
  draw({ shape, model }: ForwardCall, call: number, keep: boolean): Tensor[] {
    const { core, seed } = this.#runtime
    const noise = this.#tensors([shape.steps * shape.batch, model.programs.graphs.columns], keep)
    const [low, high] = [seed >>> 0, Math.floor(seed / 2 ** 32)]
    for (const [i, { size, address }] of noise.entries()) {
      core.fillNormal(size, 0, 1, low, high, this.#module, STREAM + call * this.#samples + i, address)
    }
    return noise
  }

  dispose(): void {
    for (const tensor of this.#own) tensor.dispose()
  }

  #tensors(shape: readonly number[], keep: boolean): Tensor[] {
    const make = () => Array.from({ length: this.#samples }, () => this.#runtime.emptyTensor(shape))
    if (keep) return make()
    if (this.#own[0]?.size !== sizeOf(shape)) {
      this.dispose()
      this.#own = make()
    }
    return this.#own
  }
}

/** The estimate of mean ‖J‖² / n over all rows that are a sample's own. */
export function penaltyOf(call: ForwardCall, inputs: readonly Tensor[], noise: readonly Tensor[]): number {
  const { core } = call.model.programs.runtime
  const { padding, shape } = call
  const side = call.penalty()
  if (padding?.count === 0) return 0
  const rows = shape.steps * shape.batch
  let total = 0
  for (const epsilon of noise) {
    side.run([...call.leaves(inputs), epsilon.address])
    total += padding ? core.dot(rows, side.result, padding.mask) : core.total(rows, side.result)
  }
  return total / ((padding?.count ?? rows) * noise.length)
}
