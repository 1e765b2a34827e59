/** The workloads as a user would write them, checked before they are timed. */
import {
  Adam, GRU, LSTM, LastStep, Linear, type LossFunction, type Module, RNN, type Runtime, Sequential, type Tensor, createRuntime, crossEntropyLoss, mseLoss,
} from '../../bindings/index.ts' // prettier-ignore
import { generate, generateIds } from '../../test/support/generator.ts'
import type { Weights } from './scalar.ts'
import type { Workload } from './shapes.ts'
import { expectClose } from './verify.ts'

const CELLS = { LSTM, GRU, RNN }

export interface Model {
  readonly rt: Runtime
  readonly module: Module
  readonly x: Tensor
}

/** The recurrent module alone, with an input [T, B, I]. */
export function recurrent(rt: Runtime, { cell, B, T, I, H, name }: Workload): Model {
  const module = new CELLS[cell](rt, { inputSize: I, hiddenSize: H })
  return { rt, module, x: rt.tensor(generate(1, `${name} input`, T * B * I), [T, B, I]) }
}

/** A training step of the module under its head. */
export function training(rt: Runtime, workload: Workload): Model & { step(): number } {
  const { B, T, H, head, name } = workload
  const { module: body, x } = recurrent(rt, workload)
  const { outputs, on, loss } = head!
  const linear = new Linear(rt, { inFeatures: H, outFeatures: outputs })
  const module = new Sequential(rt, on === 'last' ? [body, new LastStep(rt), linear] : [body, linear])
  const leading = on === 'last' ? [B] : [T, B]
  const count = leading.reduce((total, n) => total * n, 1)
  const ids = rt.indices(generateIds(2, `${name} ids`, count, outputs), leading)
  const target = rt.tensor(generate(2, `${name} target`, count * outputs), [...leading, outputs])
  const step = trainingStep(module, x, (output) =>
    loss === 'mse' ? mseLoss(output, target) : crossEntropyLoss(output, ids),
  )
  return { rt, module, x, step }
}

/** Forward, loss, backward without the input's gradient, Adam; gives the loss. */
export function trainingStep(
  module: Module,
  x: Tensor,
  lossOf: (output: Tensor) => ReturnType<LossFunction>,
): () => number {
  const optimizer = new Adam(module)
  return () => {
    const { value, grad } = lossOf(module.forward(x).output)
    module.zeroGrad()
    module.backward({ output: grad }, { inputGradient: false })
    optimizer.step()
    return value
  }
}

/** Losses of a few steps, in which forward, gradients and updates show, agree with those of float64. */
export async function verifyTraining(variant: 'simd' | 'relaxed', workload: Workload): Promise<void> {
  const [steps, tolerance] = [3, 1e-4] // float32's rounding over T steps, well below what a step changes
  const single = training(await createRuntime({ seed: 1, variant }), workload)
  const double = training(await createRuntime({ seed: 1, dtype: 'float64' }), workload)
  double.module.loadStateDict(single.module.stateDict())
  const losses = [single, double].map(({ step }) => Array.from({ length: steps }, step)) as [number[], number[]]
  expectClose(`${workload.name}: loss`, losses[0], losses[1], tolerance * losses[1][0]!)
  single.rt.dispose()
  double.rt.dispose()
}

/** A one-layer module's weights for the scalar loops. */
export function weightsOf(module: Module): Weights {
  const values = new Map(module.parameters().map(({ name, value }) => [name, Float32Array.from(value.data)]))
  const [weightIh, weightHh] = [values.get('weight_ih_l0')!, values.get('weight_hh_l0')!]
  return { weightIh, weightHh, biasIh: values.get('bias_ih_l0')!, biasHh: values.get('bias_hh_l0')! }
}
