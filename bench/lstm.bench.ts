/** What does an LSTM cost beyond its products: forward (L1), streaming (L2), and a training step (L4)? */
import { createRuntime } from '../bindings/index.ts'
import type { Context } from './support/context.ts'
import { recurrent, training, verifyTraining, weightsOf } from './support/models.ts'
import { lstmForward } from './support/scalar.ts'
import { L1, L2, L4 } from './support/shapes.ts'
import { expectClose } from './support/verify.ts'
import { timeWorkload } from './support/workload.ts'

const TARGET = 1.25

/** Rounding of float32 sums over I + H terms, carried on by T steps of a contracting map. */
const TOLERANCE = 1e-5

export async function run(context: Context): Promise<void> {
  await forward(context)
  await streaming(context)
  await verifyTraining(context.variant, L4)
  const rt = await createRuntime({ seed: 1, variant: context.variant })
  timeWorkload(context, L4, { bench: 'lstm', call: training(rt, L4).step, target: TARGET })
  rt.dispose()
}

async function forward(context: Context): Promise<void> {
  const rt = await createRuntime({ seed: 1, variant: context.variant })
  const { module, x } = recurrent(rt, L1)
  module.eval()
  const [weights, input] = [weightsOf(module), Float32Array.from(x.data)]
  const scalar = () => {
    const [h, c] = [new Float64Array(L1.H), new Float64Array(L1.H)]
    lstmForward(L1, weights, input, h, c)
    return h
  }
  expectClose('L1', module.forward(x).output.data.slice(-L1.H), scalar(), TOLERANCE)
  timeWorkload(context, L1, { bench: 'lstm', call: () => module.forward(x), scalar })
  rt.dispose()
}

async function streaming(context: Context): Promise<void> {
  const rt = await createRuntime({ seed: 1, variant: context.variant })
  const { module, x: sequence } = recurrent(rt, L2)
  const [weights, input] = [weightsOf(module), Float32Array.from(sequence.data)]
  const x = rt.tensor(input, [1, L2.I])
  const state = module.initialState(1)!
  const [h, c] = [new Float64Array(L2.H), new Float64Array(L2.H)]
  for (let i = 0; i < 5; i++) {
    lstmForward(L2, weights, input, h, c)
    expectClose(`L2 step ${i}`, module.step(x, state).output.data, h, TOLERANCE)
  }
  const scalar = () => lstmForward(L2, weights, input, h, c)
  timeWorkload(context, L2, { bench: 'lstm', call: () => module.step(x, state), scalar })
  rt.dispose()
}
