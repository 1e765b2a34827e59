/** The other cells: what do GRU forward (L3), RNN training (L5) and GRU training (L6) cost beyond their products? */
import { createRuntime } from '../bindings/index.ts'
import type { Context } from './support/context.ts'
import { recurrent, training, verifyTraining, weightsOf } from './support/models.ts'
import { gruForward } from './support/scalar.ts'
import { L3, L5, L6 } from './support/shapes.ts'
import { expectClose } from './support/verify.ts'
import { timeWorkload } from './support/workload.ts'

/** Rounding of float32 sums over I + H terms, carried on by T steps of a contracting map. */
const TOLERANCE = 1e-5

/** The scalar loop is slow; a step sees nothing of later ones. */
const VERIFIED_STEPS = 16

export async function run(context: Context): Promise<void> {
  await forward(context)
  for (const workload of [L5, L6]) {
    await verifyTraining(context.variant, workload)
    const rt = await createRuntime({ seed: 1, variant: context.variant })
    timeWorkload(context, workload, { bench: 'workloads', call: training(rt, workload).step })
    rt.dispose()
  }
}

async function forward(context: Context): Promise<void> {
  const rt = await createRuntime({ seed: 1, variant: context.variant })
  const { module, x } = recurrent(rt, L3)
  module.eval()
  const h = new Float64Array(L3.B * L3.H)
  gruForward({ ...L3, T: VERIFIED_STEPS }, weightsOf(module), Float32Array.from(x.data), h)
  const output = module.forward(x).output.data.subarray((VERIFIED_STEPS - 1) * h.length, VERIFIED_STEPS * h.length)
  expectClose('L3', output, h, TOLERANCE)
  timeWorkload(context, L3, { bench: 'workloads', call: () => module.forward(x) })
  rt.dispose()
}
