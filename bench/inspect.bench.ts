/** What does it cost to see how gradients flow, beside the backward that trains? */
import { LSTM, type Module, type Runtime, type Tensor, createRuntime } from '../bindings/index.ts'
import { gradientFlow, instanceGradients } from '../bindings/inspect.ts'
import { generate } from '../test/support/generator.ts'
import { norm } from '../test/support/nets.ts'
import type { Context } from './support/context.ts'
import { measure, ratio } from './support/measure.ts'
import { L4 } from './support/shapes.ts'
import { expectClose } from './support/verify.ts'

/** Backward passes that `gradientFlow` may take beyond its forward. */
const TARGET = 1.2

const SHAPES = [
  { name: 'gradientFlow at L4', B: L4.B, T: L4.T, I: L4.I, H: L4.H },
  { name: 'gradientFlow, B = 1, T = 1000', B: 1, T: 1000, I: L4.I, H: L4.H },
]

export async function run(context: Context): Promise<void> {
  for (const shape of SHAPES) {
    const rt = await createRuntime({ seed: 1, variant: context.variant })
    time(context, rt, shape)
    rt.dispose()
  }
}

function time({ effort, report }: Context, rt: Runtime, { name, B, T, I, H }: (typeof SHAPES)[number]): void {
  const module = new LSTM(rt, { inputSize: I, hiddenSize: H })
  const x = rt.tensor(generate(1, `${name} input`, T * B * I), [T, B, I])
  const output = rt.tensor(generate(2, `${name} gradient`, T * B * H), [T, B, H])
  verify(module, x, output)
  const forward = () => module.forward(x)
  const both = () => {
    module.forward(x)
    module.backward({ output }, { inputGradient: false })
  }
  const flow = () => gradientFlow(module, x, { output })
  const timings = measure({ forward, both, flow }, effort)
  const [whole, looking] = [ratio(timings.both, timings.forward) - 1, ratio(timings.flow, timings.forward) - 1]
  const passes = looking / whole
  const beside = {
    'backward passes': passes,
    'forward ms': timings.forward.seconds * 1e3,
    'forward + backward ms': timings.both.seconds * 1e3,
  }
  report.addTime('inspect', name, timings.flow, {
    beside,
    target: { reached: passes, bound: TARGET, sense: 'at most' },
  })
}

/** Norms by factors are those of the instances themselves. */
function verify(module: Module, x: Tensor, output: Tensor): void {
  const { parameters } = gradientFlow(module, x, { output })
  const { gradients } = instanceGradients(module, x, { output, parameter: 'weight_hh_l0' })
  const { data, size, shape } = gradients['weight_hh_l0']!
  const n = size / shape[0]!
  const expected = Array.from({ length: shape[0]! }, (_, t) => norm(data.subarray(t * n, (t + 1) * n)))
  // rounding of float32 instances, summed over B rows
  expectClose('weight_hh by instances', parameters['weight_hh_l0']!, expected, 1e-5 * Math.max(...expected))
  gradients['weight_hh_l0']!.dispose()
}
