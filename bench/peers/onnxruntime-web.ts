/** ONNX Runtime in WebAssembly. */
import { onnxCase } from './onnx-case.ts'
import { loadWeb } from './onnx-runtime.ts'
import type { Prepare } from './peer.ts'

export const prepare: Prepare = (...workload) => onnxCase(loadWeb(), ...workload)
