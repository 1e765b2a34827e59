/** ONNX Runtime, native: its package brings the processor's binary along, and no install script is needed. */
import { onnxCase } from './onnx-case.ts'
import { load } from './packages.ts'
import type { Prepare } from './peer.ts'

export const prepare: Prepare = (...workload) => onnxCase(load('onnxruntime-node'), ...workload)
