/** What is used of ONNX Runtime, whose packages share their interface (onnxruntime-common), on one thread. */
import { load } from './packages.ts'

interface OnnxTensor {
  readonly data: Float32Array
}
export type OnnxTensors = Record<string, OnnxTensor>

interface OnnxSession {
  run(feeds: OnnxTensors): Promise<OnnxTensors>
}

export interface OnnxRuntime {
  Tensor: new (type: 'float32', data: Float32Array, shape: readonly number[]) => OnnxTensor
  InferenceSession: { create(model: Uint8Array, options: object): Promise<OnnxSession> }
}

const OPTIONS = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  graphOptimizationLevel: 'all',
}

/** In WebAssembly. */
export function loadWeb(): OnnxRuntime {
  const ort = load('onnxruntime-web')
  ort.env.wasm.numThreads = 1
  return ort
}

export const sessionOf = (ort: OnnxRuntime, model: Uint8Array): Promise<OnnxSession> =>
  ort.InferenceSession.create(model, OPTIONS)
