/** A workload in one of ONNX Runtime's two packages, which share their interface. */
import { dataOf } from './data.ts'
import { onnxModel } from './onnx-model.ts'
import { CHECKED_STEPS, type Case, type Prepare } from './peer.ts'

interface Tensor {
  readonly data: Float32Array
}
type Tensors = Record<string, Tensor>

/** The part of onnxruntime-common that is used. */
export interface OnnxRuntime {
  Tensor: new (type: 'float32', data: Float32Array, shape: readonly number[]) => Tensor
  InferenceSession: { create(model: Uint8Array, options: object): Promise<{ run(feeds: Tensors): Promise<Tensors> }> }
}

const ONE_THREAD = { intraOpNumThreads: 1, interOpNumThreads: 1, executionMode: 'sequential' }

export const onnxCase = async (ort: OnnxRuntime, ...[key, workload]: Parameters<Prepare>): Promise<Case> => {
  const { T, B, I, H } = workload
  const data = dataOf(key, workload)
  const streaming = key === 'L2'
  const session = await ort.InferenceSession.create(onnxModel(workload, data, { streaming }), {
    ...ONE_THREAD,
    graphOptimizationLevel: 'all',
  })
  const X = new ort.Tensor('float32', data.input, [T, B, I])
  if (!streaming) return { check: async () => [...(await session.run({ X })).Y!.data], call: () => session.run({ X }) }
  const zeros = () => new ort.Tensor('float32', new Float32Array(B * H), [1, B, H])
  const feeds: Tensors = { X, initial_h: zeros(), initial_c: zeros() }
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
