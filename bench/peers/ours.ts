/** retrograd itself, as a user would write it. */
import {
  GRU, LSTM, LastStep, Linear, RNN, type Runtime, Sequential, createRuntime, crossEntropyLoss, mseLoss,
} from '../../bindings/index.ts' // prettier-ignore
import type { Case } from '../support/case.ts'
import { trainingStep } from '../support/models.ts'
import type { Workload } from '../support/shapes.ts'
import { type Data, dataOf } from './data.ts'
import { CHECKED_STEPS, type Form, type Prepare } from './peer.ts'

export const prepare: Prepare = async (key, workload, form) => {
  const rt = await createRuntime({ seed: 1 })
  const data = dataOf(key, workload, form)
  if (workload.head) return training(rt, workload, data, form)
  return key === 'L2' ? streaming(rt, workload, data) : forward(rt, workload, data, form)
}

function forward(rt: Runtime, workload: Workload, data: Data, form: Form): Case {
  const { T, B, I } = workload
  const module = recurrent(rt, workload, form).eval()
  module.loadStateDict(data.weights)
  const x = rt.tensor(data.input, [T, B, I])
  return { check: () => [...module.forward(x).output.data], call: () => module.forward(x) }
}

function streaming(rt: Runtime, workload: Workload, data: Data): Case {
  const { B, I } = workload
  const module = recurrent(rt, workload, {})
  module.loadStateDict(data.weights)
  const x = rt.tensor(data.input, [B, I])
  const state = module.initialState(B)
  const call = () => module.step(x, state).output
  return { check: () => Array.from({ length: CHECKED_STEPS }, () => [...call().data]).flat(), call }
}

function training(rt: Runtime, workload: Workload, data: Data, form: Form): Case {
  const { T, B, I, H, head } = workload
  const body = recurrent(rt, workload, form)
  const linear = new Linear(rt, { inFeatures: H, outFeatures: head!.outputs })
  const { weight, bias, ...rest } = data.weights
  body.loadStateDict(rest)
  linear.loadStateDict({ weight: weight!, bias: bias! })
  if (form.oneBias) body.freeze(['bias_hh_l0'])
  const module = new Sequential(rt, head!.on === 'last' ? [body, new LastStep(rt), linear] : [body, linear])
  const x = rt.tensor(data.input, [T, B, I])
  const target = rt.tensor(data.target, head!.on === 'last' ? [B, head!.outputs] : [T, B, head!.outputs])
  const ids = rt.indices(data.ids, [B])
  const call = trainingStep(module, x, (output) =>
    head!.loss === 'mse' ? mseLoss(output, target) : crossEntropyLoss(output, ids),
  )
  return { check: () => Array.from({ length: CHECKED_STEPS }, call), call }
}

function recurrent(rt: Runtime, { cell, I, H }: Workload, { resetBefore }: Form): LSTM | GRU | RNN {
  const sizes = { inputSize: I, hiddenSize: H }
  if (cell === 'GRU') return new GRU(rt, { ...sizes, resetAfter: !resetBefore })
  return cell === 'LSTM' ? new LSTM(rt, sizes) : new RNN(rt, sizes)
}
