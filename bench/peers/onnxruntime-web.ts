/** ONNX Runtime in WebAssembly. */
import { onnxCase } from './onnx-case.ts'
import { load } from './packages.ts'
import type { Prepare } from './peer.ts'

export const prepare: Prepare = (...workload) => {
  const ort = load('onnxruntime-web')
  ort.env.wasm.numThreads = 1
  return onnxCase(ort, ...workload)
}
