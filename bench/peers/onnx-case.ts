/** A workload in one of ONNX Runtime's two packages, which share their interface. */
import type { Case } from '../support/case.ts'
import { dataOf } from './data.ts'
import { onnxModel } from './onnx-model.ts'
import { type OnnxRuntime, type OnnxTensors, sessionOf } from './onnx-runtime.ts'
import { CHECKED_STEPS, type Prepare } from './peer.ts'

export const onnxCase = async (ort: OnnxRuntime, ...[key, workload]: Parameters<Prepare>): Promise<Case> => {
  const { T, B, I, H } = workload
  const data = dataOf(key, workload)
  const streaming = key === 'L2'
  const session = await sessionOf(ort, onnxModel(workload, data, { streaming }))
  const X = new ort.Tensor('float32', data.input, [T, B, I])
  if (!streaming) return { check: async () => [...(await session.run({ X })).Y!.data], call: () => session.run({ X }) }
  const zeros = () => new ort.Tensor('float32', new Float32Array(B * H), [1, B, H])
  const feeds: OnnxTensors = { X, initial_h: zeros(), initial_c: zeros() }
  const call = async () => {
    const { Y_h, Y_c } = await session.run(feeds)
    feeds.initial_h = Y_h!
    feeds.initial_c = Y_c!
    return Y_h!
  }
  const check = async () => {
    const outputs: number[] = []
    for (let step = 0; step < CHECKED_STEPS; step++) outputs.push(...(await call()).data)
    return outputs
  }
  return { check, call }
}
